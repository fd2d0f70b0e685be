"""Drop-in modules for what people have: change an import, keep the code."""
