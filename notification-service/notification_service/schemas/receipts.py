from marshmallow import Schema, fields


class ReceiptUrlSchema(Schema):
    """Where a provider is to send its receipts."""

    provider = fields.String(metadata={"example": "aliyun"})
    url = fields.String(
        metadata={"example": "https://shop.example/api/notifications/receipts/aliyun/0f3c…"}
    )
