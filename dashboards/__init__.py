"""The dashboard: a store of campaigns, seen in a browser.

`app` puts it together, `source` reads the store into the columns of `data`, `figures` turn columns into
plots, `pages` lay them out. It reads and never writes: a campaign goes on undisturbed while it is watched.
"""
