"""What each provider's codes mean for what comes next."""

from uuid import uuid4

import pytest

from notification_service.providers import aliyun, huawei, tencent, twilio
from notification_service.providers.codes import CodeTable
from notification_service.providers.exchange import Answer
from notification_service.providers.port import ErrorClass, ProviderTemplate, Sms

SMS = Sms(
    id=uuid4(),
    to="+8613812345678",
    text="Your code is 734512, Anna Müller",
    template=ProviderTemplate(variables=("code", "name")),
    params={"code": "734512", "name": "Anna Müller"},
)
REFUSED = Answer(400, {}, b"")

ALIYUN = {
    ErrorClass.RETRYABLE: "isp.SYSTEM_ERROR isp.GATEWAY_ERROR ServiceUnavailable",
    ErrorClass.THROTTLED_NUMBER: "isv.BUSINESS_LIMIT_CONTROL",
    ErrorClass.THROTTLED_ACCOUNT: "isv.DAY_LIMIT_CONTROL isv.MONTH_LIMIT_CONTROL Throttling.User "
    "Throttling",
    ErrorClass.INVALID_RECIPIENT: "isv.MOBILE_NUMBER_ILLEGAL isv.MOBILE_COUNT_OVER_LIMIT "
    "isv.DOMESTIC_NUMBER_NOT_SUPPORTED",
    ErrorClass.SUPPRESSED: "MOBILE_IN_BLACK USER_REJECT",
    ErrorClass.CONFIGURATION: "isv.SMS_TEMPLATE_ILLEGAL isv.SMS_SIGNATURE_ILLEGAL "
    "isv.SMS_SIGNATURE_SCENE_ILLEGAL isv.SIGN_STATE_ILLEGAL isv.SMS_SIGN_ILLEGAL "
    "isv.TEMPLATE_MISSING_PARAMETERS isv.INVALID_JSON_PARAM isv.INVALID_PARAMETERS "
    "isv.PARAM_LENGTH_LIMIT isv.PARAM_NOT_SUPPORT_URL isv.BLACK_KEY_CONTROL_LIMIT "
    "isv.SMS_CONTENT_ILLEGAL isv.EXTEND_CODE_ERROR isv.DENY_IP_RANGE isp.RAM_PERMISSION_DENY "
    "isv.SOMETHING_NEW SignatureDoesNotMatch InvalidAccessKeyId.NotFound InvalidTimeStamp.Expired",
    ErrorClass.BALANCE: "isv.AMOUNT_NOT_ENOUGH isv.OUT_OF_SERVICE isv.ACCOUNT_NOT_EXISTS "
    "isv.ACCOUNT_ABNORMAL isv.PRODUCT_UN_SUBSCRIPT",
    ErrorClass.UNKNOWN: "SignatureNonceUsed InternalError isp.UNKNOWN",
}
HUAWEI = {
    ErrorClass.RETRYABLE: "E000000",
    ErrorClass.THROTTLED_NUMBER: "E200041 MILIMIT LIMIT",
    ErrorClass.THROTTLED_ACCOUNT: "E200015",
    ErrorClass.SUPPRESSED: "BLACK MBBLACK",
    ErrorClass.CONFIGURATION: "E000001 E000020 E000045 E000101 E000102 E000103 E000104 E000111 "
    "E000503 E000620 E200028 E200029 E200030 E200031 E200033 KEYWORD",
    ErrorClass.BALANCE: "E000112",
}
TENCENT = {
    ErrorClass.RETRYABLE: "InternalError.OtherError",
    ErrorClass.THROTTLED_NUMBER: "LimitExceeded.DeliveryFrequencyLimit "
    "LimitExceeded.PhoneNumberThirtySecondLimit LimitExceeded.PhoneNumberOneHourLimit "
    "LimitExceeded.PhoneNumberDailyLimit LimitExceeded.PhoneNumberSameContentDailyLimit",
    ErrorClass.THROTTLED_ACCOUNT: "RequestLimitExceeded LimitExceeded.AppDailyLimit "
    "LimitExceeded.DailyLimit LimitExceeded",
    ErrorClass.INVALID_RECIPIENT: "InvalidParameterValue.IncorrectPhoneNumber "
    "FailedOperation.PhoneNumberParseFail",
    ErrorClass.SUPPRESSED: "FailedOperation.PhoneNumberInBlacklist",
    ErrorClass.CONFIGURATION: "FailedOperation.TemplateIncorrectOrUnapproved "
    "FailedOperation.SignatureIncorrectOrUnapproved FailedOperation.ContainSensitiveWord "
    "AuthFailure.SignatureExpire AuthFailure.SecretIdNotFound LimitExceeded.PhoneNumberCountLimit "
    "InternalError.SigVerificationFail UnsupportedOperation.UnsupportedRegion "
    "InvalidParameterValue.TemplateParameterLengthLimit UnauthorizedOperation",
    ErrorClass.BALANCE: "FailedOperation.InsufficientBalanceInSmsPackage "
    "UnauthorizedOperation.ServiceSuspendDueToArrears UnauthorizedOperation.SdkAppIdIsDisabled",
    ErrorClass.UNKNOWN: "InternalError InternalError.Timeout InternalError.SendAndRecvFail",
}
TWILIO = {
    ErrorClass.RETRYABLE: "20503",
    ErrorClass.THROTTLED_ACCOUNT: "20429 21611 30001 14107",
    ErrorClass.INVALID_RECIPIENT: "21211 21612 21614 30005 30006",
    ErrorClass.SUPPRESSED: "21610",
    ErrorClass.CONFIGURATION: "20003 20404 21212 21408 21602 21606 21617 30007",
    ErrorClass.BALANCE: "20005 30002",
    ErrorClass.UNKNOWN: "20500 30008",
}
TABLES = (
    ("aliyun", aliyun.CODES, ALIYUN),
    ("huawei", huawei.CODES, HUAWEI),
    ("tencent", tencent.CODES, TENCENT),
    ("twilio", twilio.CODES, TWILIO),
)


@pytest.mark.parametrize(
    ("table", "code", "kind"),
    [
        pytest.param(table, code, kind, id=f"{name}-{code}")
        for name, table, expected in TABLES
        for kind, codes in expected.items()
        for code in codes.split()
    ],
)
def test_the_class_of_a_code(table: CodeTable, code: str, kind: ErrorClass) -> None:
    assert table.error(REFUSED, code, "", SMS).kind is kind


def test_what_aliyun_says_of_a_full_window_is_how_long_to_wait() -> None:
    for message, pause in (
        ("触发分钟级流控Permits:1", 60.0),
        ("触发小时级流控Permits:5", 3600.0),
        ("触发天级流控Permits:10", 86400.0),
        ("触发流控", None),
    ):
        assert aliyun._pause("isv.BUSINESS_LIMIT_CONTROL", message) == pause
    assert aliyun._pause("isv.OUT_OF_SERVICE", "触发天级流控Permits:10") is None


def test_a_message_of_the_provider_tells_nothing_of_ours() -> None:
    told = "To +8613812345678: '734512' for Anna Müller, sign GET&%2F&AccessKeyId%3Dx at 12:30"

    error = twilio.CODES.error(REFUSED, "21211", told, SMS)

    assert error.message == "To +#: '#' for #, sign # at 12:30"
    assert str(error) == "invalid_recipient (21211): To +#: '#' for #, sign # at 12:30"


def test_a_server_error_with_a_code_that_nobody_knows_is_unknown() -> None:
    for status, kind in ((500, ErrorClass.UNKNOWN), (400, ErrorClass.CONFIGURATION)):
        assert twilio.CODES.error(Answer(status, {}, b""), "99999", "", SMS).kind is kind


def test_a_code_of_a_receipt_that_helps_nobody_has_no_class() -> None:
    assert huawei.CODES.find("MK:0001") is None
    assert aliyun.CODES.find("MOBILE_NOT_ON_SERVICE") is None
    assert twilio.CODES.find("30003") is None
