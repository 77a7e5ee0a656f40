"""A notebook as a script: each `# %%` is a cell. A coloured picture shows itself under a slider."""

# %% What to colour: names of your own.
import archivecolor

scans = ["scan.jpg", "another.png"]
colourise = archivecolor.Colouriser()

# %% One picture; the last line of a cell is shown, here with a slider between grey and colour.
coloured = colourise(scans[0])
coloured  # noqa: B018 - the cell's value

# %% What the network said, and how sure it was.
print(f"{scans[0]}: {coloured.array.shape}, confidence {coloured.confidence:.2f}")

# %% Many, as they come.
for scan, picture in zip(scans, colourise.stream(scans), strict=True):
    print(f"{scan}: confidence {picture.confidence:.2f}")
