"""The topology file: what it may say, what is wrong with it, and the lab that is built of it."""
