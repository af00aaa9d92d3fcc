using PointSystem.Api.Http;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;
using PointSystem.Api.Security;
using PointSystem.Domain.Points;
using PointSystem.Locking;

namespace PointSystem.Api.Features.Points;

/// <summary>POST /api/points/use/{pointKey}/cancel</summary>
internal static class CancelUsage
{
    /// <summary>The request body.</summary>
    public sealed record Request(long? Amount = null, string? Reason = null);

    [DistributedLock("point:cancel:usage:{PointKey}", WaitSeconds = 5, LeaseSeconds = 10)]
    public sealed record Command(PointKey PointKey, long? Amount, string? Reason, string Actor, Idempotency? Idempotency) : IPointCommand
    {
        public long MemberId => PointKey.MemberId;

        public void Declare(LoadPlan plan) => plan.NeedUsage(PointKey);

        public CommandOutcome Apply(IReadOnlyDictionary<long, MemberAccount> accounts, CommandContext context) =>
            CommandOutcome.Of(
                accounts[MemberId].CancelUsage(PointKey, Amount, Reason, context),
                StatusCodes.Status200OK,
                cancellation => CancellationResponse.From(cancellation, accounts[MemberId]),
                PointJsonContext.Wire.CancellationResponse);
    }

    public static async Task<IResult> HandleAsync(string pointKey, HttpContext http, PointWrites writes)
    {
        if (!PointKeys.TryRead(pointKey, PointKeyType.Usage, out var usage, out var problem))
        {
            return problem!;
        }

        var body = await RequestBody.ReadAsync(http, optional: true);
        var amount = body.OptionalAmount("amount");
        var reason = body.OptionalText("reason", Lengths.Reason);
        if ((problem = body.Problem) is not null || !IdempotencyKeys.TryRead(http, out var key, out problem))
        {
            return problem!;
        }

        var command = new Command(usage, amount, reason, http.User.Actor(), Idempotency.For(key, "cancel-usage", usage.Value, amount, reason));
        return await writes.ExecuteAsync(command, http);
    }
}
