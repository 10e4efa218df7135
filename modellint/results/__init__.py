"""The report as a frozen value: models, layers, findings, errors, notes, and the page's picture.

Turns into JSON and back, which is how a worker's results reach the front end. Never imports torch;
`report.Report.render` is the one door up to the formats, opened when it is called.
"""
