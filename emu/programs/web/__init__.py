"""HTTP/1.1 for clients and servers among the programs: messages, fetching, serving."""
