namespace PointSystem.Domain.Results;

/// <summary>The stable codes of the points rules. They are public: never rename one.</summary>
public static class PointErrorCodes
{
    public const string InvalidRequest = "INVALID_REQUEST";
    public const string InvalidAmount = "INVALID_AMOUNT";
    public const string InvalidOrderNumber = "INVALID_ORDER_NUMBER";
    public const string AccumulationNotFound = "ACCUMULATION_NOT_FOUND";
    public const string UsageNotFound = "USAGE_NOT_FOUND";
    public const string ConfigNotFound = "CONFIG_NOT_FOUND";
    public const string AlreadyCancelled = "ALREADY_CANCELLED";
    public const string CannotCancelAccumulation = "CANNOT_CANCEL_ACCUMULATION";
    public const string DuplicateOrder = "DUPLICATE_ORDER";
    public const string InsufficientPoint = "INSUFFICIENT_POINT";
    public const string ExceededMaxAccumulation = "EXCEEDED_MAX_ACCUMULATION";
    public const string ExceededMaxBalance = "EXCEEDED_MAX_BALANCE";
    public const string InvalidExpirationDate = "INVALID_EXPIRATION_DATE";
    public const string ExceededCancelAmount = "EXCEEDED_CANCEL_AMOUNT";
    public const string InvalidConfigValue = "INVALID_CONFIG_VALUE";
    public const string IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED";
}
