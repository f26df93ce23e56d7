"""The settings of mails; those of SMTP are needed by its transport only."""

from dataclasses import dataclass

from chassis.config import Settings, setting
from notification_service.mail.bounces import return_path
from notification_service.models.receivers import NotReachable, mail_address


@dataclass(frozen=True, kw_only=True)
class MailSettings(Settings):
    """What the service's settings hold for mails."""

    mail_transport: str = setting(
        "notification_service.mail.console:ConsoleMail",
        "Dotted path of the mail transport; by SMTP: `notification_service.mail.smtp:SmtpMail`",
    )
    mail_from: str = setting("shop@example.com", "Sender of mails")
    mail_reply_to: str = setting("", "Where answers to mails go; empty: to `MAIL_FROM`")
    mail_bounce: str = setting(
        "",
        "Envelope sender, which gets what cannot be delivered; `{id}` in it becomes the message's "
        "id (VERP); empty: `MAIL_FROM`",
    )
    smtp_host: str = setting("", "SMTP: server that takes our mails")
    smtp_port: int = setting(0, "SMTP: its port; 0: 587, 465 with `tls`, 25 with `none`")
    smtp_security: str = setting("starttls", "SMTP: `starttls`, `tls` from the start, or `none`")
    smtp_ca_file: str = setting(
        "", "SMTP: file of certificates (PEM) that vouch for the server; empty: the system's"
    )
    smtp_user: str = setting("", "SMTP: user to log in as; empty: no login")
    smtp_password: str = setting("", "SMTP: its password", secret=True)
    smtp_helo: str = setting("", "SMTP: name to introduce ourselves by; empty: this host's")
    smtp_timeout: float = setting(
        10.0, "SMTP: seconds to connect, and to wait for an answer before the mail is on its way"
    )
    smtp_data_timeout: float = setting(
        20.0, "SMTP: seconds to wait for the answer to a whole mail; then it is `unknown`"
    )
    smtp_idle: float = setting(30.0, "SMTP: seconds that a connection waits for the next mail")

    def problems(self) -> list[str]:
        """Return what is wrong with the values together."""
        found = super().problems()
        addresses = {
            "MAIL_FROM": self.mail_from,
            "MAIL_REPLY_TO": self.mail_reply_to or self.mail_from,
            "MAIL_BOUNCE": return_path(self.mail_bounce or self.mail_from, "0" * 32),
        }
        for name, address in addresses.items():
            try:
                mail_address(address)
            except NotReachable:
                found.append(f"{name} must be an address such as shop@example.com")
        if self.smtp_security not in ("starttls", "tls", "none"):
            found.append("SMTP_SECURITY must be starttls, tls or none")
        if self.smtp_port not in range(65_536):
            found.append("SMTP_PORT must be 0 to 65535")
        return found
