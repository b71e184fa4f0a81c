"""What programs are linked against: command lines, error texts, names, the wall clock, and which system's programs a place has."""
