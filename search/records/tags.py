"""Names that Ganvil gives to what it keeps in MLflow, beside MLflow's own."""

KIND, TRIAL_ID, PARENT, COLLAPSED = "ganvil.kind", "ganvil.trial_id", "mlflow.parentRunId", "collapsed"
STOPPED, MICROBATCH, TAKEN_OVER = "stopped", "microbatch", "taken_over"
POINT, PLAN = "ganvil.point", "ganvil.plan"  # as JSON
CHECKPOINTS = "checkpoints"  # the candidates' folder
NOTE = "mlflow.note.content"  # a run's or an experiment's description, in Markdown
VIEW = "ganvil"  # of the trials, among the experiment's shared views
CODE = "code_version"
STEP_MARK = "images_per_second"  # logged at every tick, and always a number
