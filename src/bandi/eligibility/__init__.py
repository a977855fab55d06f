"""Which titles may be shown to whom: expressions on what documents say, age ratings, regions, licences."""
