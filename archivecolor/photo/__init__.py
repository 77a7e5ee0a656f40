"""One still picture: looked at, composed with colour, written as it came."""
