"""A live view of a run or a study in the browser, and the same as one HTML file; only this package imports Bokeh.

It reads a run's files, and writes none of them. `page` says what there is to see, `server` serves it, `report` writes
it.
"""
