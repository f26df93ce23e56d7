from compute_service.routes import jobs

BLUEPRINTS = (jobs.blp,)
