"""How the engine is asked and how it answers: front ends, the daemon and its workers.

protocol/           what can be asked, and the frames in which it travels: one file a topic
client.py           the front end's side of a connection; starts the daemon if there is none
daemon.py           the daemon, with an account of all that it does
handlers/           what the daemon answers: one file a topic
queue.py pool.py    jobs, and the worker processes that do them
session_worker.py   the worker that answers questions, as the daemon sees it
worker.py           a worker process
worker_handlers/    what a session worker answers, with torch: one file a topic
session.py          what it keeps loaded
"""
