"""A notebook as a script: a folder with its progress, then what became of it, the least sure first."""

# %% What to colour, and where to: folders of your own.
from pathlib import Path

from PIL import Image

import archivecolor

scans, coloured = Path("scans"), Path("coloured")
settled = []


# %% What the run tells of every picture; in a notebook a cell's own progress bar goes here.
def show(event: archivecolor.ItemEvent, progress: archivecolor.Progress) -> None:
    settled.append(event)
    print(f"\r{progress.settled} of {progress.total}", end="")


# %% A second run of this cell does only what is missing. Worker processes start from a script's own file.
if __name__ == "__main__":
    ending = archivecolor.colour_folder(scans, coloured, on_item=show)
    print(f"\n{ending.progress.done} coloured, {ending.progress.failed} failed")

# %% The pictures that the network was least sure of, worst first: those are worth a look.
unsure = sorted(
    (event for event in settled if event.record.get("confidence") is not None),
    key=lambda event: event.record["confidence"],
)
for event in unsure[:5]:
    print(f"{event.record['confidence']:.2f}  {event.path}")

# %% One of them; a cell that ends with a picture shows it.
worst = Image.open(coloured / unsure[0].record["output"]["path"]) if unsure else None
worst  # noqa: B018 - the cell's value
