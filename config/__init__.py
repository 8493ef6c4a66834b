"""Settings, feeds, clutter rules and vocabularies as data; a package only so that they ship with the program."""
