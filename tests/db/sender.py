"""A process that sends scores until it is killed: DATABASE_URL SERVER_URL."""

import sys
import threading

from agent.delivery import Delivery
from agent.score_api import ScoreApi
from agent.settings import load_settings
from tools.store import Store

database, server = sys.argv[1:]
settings = load_settings(
    langfuse_public_key="pk", langfuse_secret_key="sk", langfuse_base_url=server
)
with Store(database) as store, ScoreApi(settings) as api, Delivery(store, api.post):
    threading.Event().wait()
