using PointSystem.Api.Http;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;
using PointSystem.Api.Security;
using PointSystem.Domain.Points;
using PointSystem.Locking;

namespace PointSystem.Api.Features.Points;

/// <summary>POST /api/points/transfer</summary>
internal static class TransferPoints
{
    /// <summary>The request body.</summary>
    public sealed record Request(long FromMemberId, long ToMemberId, long Amount, string? Reason = null);

    // Whatever the order here, the two locks and the two wallet rows are locked in ascending order of member id.
    [DistributedLock("point:use:member:{FromMemberId}", WaitSeconds = 5, LeaseSeconds = 10)]
    [DistributedLock("point:accumulate:member:{ToMemberId}", WaitSeconds = 5, LeaseSeconds = 10)]
    public sealed record Command(
        long FromMemberId, long ToMemberId, long Amount, string? Reason, string Actor, Idempotency? Idempotency) : IPointCommand
    {
        public long MemberId => FromMemberId;

        public void Declare(LoadPlan plan)
        {
            plan.NeedPoints(FromMemberId, Amount);
            plan.NeedWallet(ToMemberId, Amount);
        }

        public CommandOutcome Apply(IReadOnlyDictionary<long, MemberAccount> accounts, CommandContext context) =>
            CommandOutcome.Of(
                accounts[FromMemberId].TransferTo(accounts[ToMemberId], Amount, Reason, context),
                StatusCodes.Status201Created,
                transfer => TransferResponse.From(transfer, accounts[FromMemberId], accounts[ToMemberId]),
                PointJsonContext.Wire.TransferResponse);
    }

    public static async Task<IResult> HandleAsync(HttpContext http, PointWrites writes)
    {
        var body = await RequestBody.ReadAsync(http);
        var from = body.MemberId("fromMemberId");
        var to = body.MemberId("toMemberId");
        var amount = body.Amount("amount");
        var reason = body.OptionalText("reason", Lengths.Reason);
        if (body.Problem is { } problem || !IdempotencyKeys.TryRead(http, out var key, out problem))
        {
            return problem!;
        }

        if (from == to)
        {
            return PointErrors.TransferToOneself().ToProblem();
        }

        var command = new Command(from, to, amount, reason, http.User.Actor(), Idempotency.For(key, "transfer", from, to, amount, reason));
        return await writes.ExecuteAsync(command, http);
    }
}
