"""How far colour is from the truth: the measures that training and evaluation share."""
