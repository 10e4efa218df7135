"""What the tests of the page share: a browser, and that no page logs anything."""

import pytest


@pytest.fixture(scope="session")
def browser():
    from browser import Browser

    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def silent(browser):
    """The test leaves no error in the console, and asks for nothing but its pages."""
    yield
    assert browser.messages == []
