"""docs/README.md, the start of the documentation: what it shows is what the README shows."""

from documents import DOCS, ROOT, block


def test_the_start_page_shows_what_the_readme_shows():
    readme = (ROOT / "README.md").read_text("utf-8")
    command, _, finding = block("README.md", "finding").partition("\n")
    assert command == "$ modellint examples/digits.py --select edge-losing-padding"
    assert f"{command}\n{finding}" in readme
    changed = block("README.md", "change").splitlines()
    assert {line for line in changed if line} <= {*readme.splitlines()}


def test_the_site_has_every_page():
    nav = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:\n")[2]
    for page in DOCS.glob("*.md"):
        assert f" {page.name}\n" in nav, page.name
