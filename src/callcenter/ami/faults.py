"""What can go wrong on the manager interface, said so that an administrator knows what to do."""

from callcenter.errors import CallcenterError


class AmiFault(CallcenterError):
    """The manager interface failed"""

    code = "ami"


class LinkDown(AmiFault):
    """There is no connection to Asterisk's manager interface: {why}"""

    code = "ami_down"


class NotAmi(AmiFault):
    """This is not Asterisk's manager interface; it said {said!r}"""

    code = "ami_not_ami"


class LoginRefused(AmiFault):
    """Asterisk refused the login of {username} ({said}); set CALLCENTER_AMI_USERNAME and CALLCENTER_AMI_PASSWORD as in manager.conf"""  # noqa: E501

    code = "ami_login_refused"


class ActionFailed(AmiFault):
    """Asterisk refused {action}: {said}"""

    code = "ami_action_failed"


class ActionTimedOut(AmiFault):
    """Asterisk did not answer {action} within {seconds} s; whether it was carried out is not known"""

    code = "ami_timed_out"
