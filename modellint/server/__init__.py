"""The language server: what an editor is told of the models in the text that stands in it.

`start` is the command `modellint-server`, `language_server` what answers an editor; `linter` says
what is linted when, and the other files turn what came of it into what editors show. The only room
that imports pygls. No text of an editor is written anywhere: a worker is given it.
"""
