"""The ruler: how good the colour of a network is, on photographs and on films."""
