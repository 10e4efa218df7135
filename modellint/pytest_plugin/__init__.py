"""What pytest loads: models as tests, and the fixture that lints one.

The way in is `plugin`. The only room that imports pytest.
"""
