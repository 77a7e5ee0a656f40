"""The networks that tell true colour from made colour, a file each. All give scores before any sigmoid."""
