"""What the programs that ask name servers share (dig, host, nslookup): one question and its answer, and how records are printed."""
