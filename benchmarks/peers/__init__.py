"""Who is measured: the engine and its peers, one module each, behind one face."""
