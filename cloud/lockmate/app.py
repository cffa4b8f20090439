"""The web's process root: an application put together of configure_* steps."""

from __future__ import annotations

from flask import Flask, Response

from lockmate import ground
from lockmate.api.install import install
from lockmate.api.pms import pms
from lockmate.api.pms.entering import token_told
from lockmate.settings import Settings
from lockmate.web import access, compress, context, health, language, numbers, refusals, security
from lockmate.web.desk import desk
from lockmate.web.guest import guest

_CODES_TRIED = "10 per minute"
_ASKED_BY_SYSTEM = "600 per minute"  # ten a second: a night audit of a large hotel in a few minutes
_TOKENS_TRIED = "30 per minute"


def create_app(settings: Settings) -> Flask:
    """The application for one process; raises SettingsError, with what to do, if something is missing."""
    ground.lay(settings)
    app = Flask("lockmate", template_folder="web/templates", static_folder="web/static")
    for configure in (
        security.configure_settings,
        security.configure_proxies,
        context.configure_database,
        language.configure_language,
        security.configure_csrf,
        security.configure_limits,
        access.configure_access,
        context.configure_templates,
        refusals.configure_refusals,
        security.configure_headers,
        compress.configure_static,
        numbers.configure_numbers,
    ):
        configure(app, settings)
    configure_faces(app)
    configure_installers(app)
    configure_systems()
    return app


def configure_faces(app: Flask) -> None:
    """The pages: the desk's, the guests', those that belong to nobody; and what installers' tools ask."""
    app.register_blueprint(health.health)
    app.register_blueprint(language.switch)
    app.register_blueprint(desk, url_prefix="/desk")
    app.register_blueprint(guest, url_prefix="/g")
    app.register_blueprint(install, url_prefix="/api/install/1")
    app.register_blueprint(pms, url_prefix="/api/pms/1")


def configure_installers(app: Flask) -> None:
    """No cookie counts there, so no form's token is wanted; whoever tries codes is slowed."""
    security.csrf.exempt(install)
    begin = app.view_functions["install.begin"]
    app.view_functions["install.begin"] = security.limiter.limit(_CODES_TRIED)(begin)  # type: ignore[assignment]


def configure_systems() -> None:
    """No cookie counts there either."""
    security.csrf.exempt(pms)


def _was_wrong(answer: Response) -> bool:
    return answer.status_code == 401


# Once a process, since the limiter and the blueprint are: a system is slowed as a whole, and so is an address whose
# tokens are wrong.
security.limiter.shared_limit(_ASKED_BY_SYSTEM, scope="pms", key_func=token_told)(pms)
security.limiter.shared_limit(_TOKENS_TRIED, scope="pms tokens", deduct_when=_was_wrong)(pms)
