"""Pure array functions of colour: no files, no torch."""
