using PointSystem.Domain.Results;

namespace PointSystem.Domain.Points;

/// <summary>The refusals of the points rules, with their messages.</summary>
public static class PointErrors
{
    public static PointError InvalidAmount(long amount) =>
        Invalid(PointErrorCodes.InvalidAmount, "amount", $"amount must be at least 1; it was {amount}.");

    public static PointError InvalidOrderNumber(string sentence) => Invalid(PointErrorCodes.InvalidOrderNumber, "orderNumber", sentence);

    public static PointError TransferToOneself() =>
        Invalid(PointErrorCodes.InvalidRequest, "toMemberId", "toMemberId must differ from fromMemberId: points cannot be transferred to oneself.");

    public static PointError AccumulationNotFound(string key) =>
        new(PointErrorCodes.AccumulationNotFound, PointErrorKind.NotFound, $"There is no accumulation with the point key '{key}'.");

    public static PointError UsageNotFound(string key) =>
        new(PointErrorCodes.UsageNotFound, PointErrorKind.NotFound, $"There is no usage with the point key '{key}'.");

    public static PointError AccumulationAlreadyCancelled(string key) =>
        new(PointErrorCodes.AlreadyCancelled, PointErrorKind.Conflict, $"The accumulation '{key}' has already been cancelled.");

    public static PointError UsageAlreadyCancelled(string key) =>
        new(PointErrorCodes.AlreadyCancelled, PointErrorKind.Conflict, $"The usage '{key}' has already been fully cancelled.");

    public static PointError CannotCancelExpired(string key, DateOnly expirationDate) =>
        new(
            PointErrorCodes.CannotCancelAccumulation,
            PointErrorKind.Conflict,
            $"The accumulation '{key}' expired after {expirationDate:yyyy-MM-dd} and cannot be cancelled.");

    public static PointError CannotCancelUsed(string key, long used, long amount) =>
        new(
            PointErrorCodes.CannotCancelAccumulation,
            PointErrorKind.Conflict,
            $"{used} of the {amount} points of the accumulation '{key}' are in use; only an unused accumulation can be cancelled.");

    public static PointError DuplicateOrder(string orderNumber, string usageKey) =>
        new(
            PointErrorCodes.DuplicateOrder,
            PointErrorKind.Conflict,
            $"The order '{orderNumber}' already has the usage '{usageKey}', which is not fully cancelled.");

    public static PointError ExceededMaxAccumulation(long amount, long max) =>
        Refused(PointErrorCodes.ExceededMaxAccumulation, $"At most {max} points can be accumulated at a time; {amount} were requested.");

    public static PointError ExceededMaxBalance(long balance, long amount, long max) =>
        Refused(
            PointErrorCodes.ExceededMaxBalance,
            $"A member may hold at most {max} points; {amount} more on top of {balance} would exceed that.");

    public static PointError InvalidExpirationDate(int days, int min, int max) =>
        Refused(PointErrorCodes.InvalidExpirationDate, $"expirationDays must be from {min} to {max}; it was {days}.");

    public static PointError ExceededCancelAmount(long amount, long remaining) =>
        Refused(PointErrorCodes.ExceededCancelAmount, $"{remaining} points of the usage are left to cancel; {amount} were requested.");

    private static PointError Invalid(string code, string field, string sentence) =>
        new(code, PointErrorKind.Invalid, sentence) { Field = field };

    private static PointError Refused(string code, string sentence) => new(code, PointErrorKind.Refused, sentence);
}
