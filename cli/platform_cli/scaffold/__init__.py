"""`new-service` and `remove-service`: a service made from `template/`, and its wiring.

request.py  what was asked for, or why it cannot be
render.py   the files of the new folder
clashes.py  whether its code would have one name for two things
wiring.py   the list of the other files that name a service, and what each gets
changes.py  all of that as one change: shown as a diff, or made whole or not at all
"""
