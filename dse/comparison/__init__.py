"""Comparing searchers honestly: runs of a study as curves, statistics over seeds and cells, tables of them.

    import dse
    found = dse.compare("compare.toml", store="campaigns.sqlite")
    found.frame("overall")

`statistics` is numpy alone; `plan` says what is compared with what; `curves` reads the store.
"""
