"""From a real host to a topology: files that an administrator can collect there without installing anything (`emu import`)."""
