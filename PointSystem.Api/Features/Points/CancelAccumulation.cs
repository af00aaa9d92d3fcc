using PointSystem.Api.Http;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;
using PointSystem.Api.Security;
using PointSystem.Domain.Points;
using PointSystem.Locking;

namespace PointSystem.Api.Features.Points;

/// <summary>POST /api/points/accumulate/{pointKey}/cancel</summary>
internal static class CancelAccumulation
{
    /// <summary>The request body.</summary>
    public sealed record Request(string? Reason = null);

    [DistributedLock("point:cancel:accumulation:{PointKey}", WaitSeconds = 5, LeaseSeconds = 10)]
    public sealed record Command(PointKey PointKey, string? Reason, string Actor, Idempotency? Idempotency) : IPointCommand
    {
        public long MemberId => PointKey.MemberId;

        public void Declare(LoadPlan plan) => plan.NeedLot(PointKey);

        public CommandOutcome Apply(IReadOnlyDictionary<long, MemberAccount> accounts, CommandContext context) =>
            CommandOutcome.Of(
                accounts[MemberId].CancelAccumulation(PointKey, Reason, context),
                StatusCodes.Status200OK,
                lot => AccumulationResponse.From(lot, accounts[MemberId]),
                PointJsonContext.Wire.AccumulationResponse);
    }

    public static async Task<IResult> HandleAsync(string pointKey, HttpContext http, PointWrites writes)
    {
        if (!PointKeys.TryRead(pointKey, PointKeyType.Accumulation, out var lot, out var problem))
        {
            return problem!;
        }

        var body = await RequestBody.ReadAsync(http, optional: true);
        var reason = body.OptionalText("reason", Lengths.Reason);
        if ((problem = body.Problem) is not null || !IdempotencyKeys.TryRead(http, out var key, out problem))
        {
            return problem!;
        }

        var command = new Command(lot, reason, http.User.Actor(), Idempotency.For(key, "cancel-accumulation", lot.Value, reason));
        return await writes.ExecuteAsync(command, http);
    }
}
