using PointSystem.Api.Http;
using PointSystem.Api.Ledger;
using PointSystem.Api.Security;
using PointSystem.Domain.Points;
using PointSystem.Locking;

namespace PointSystem.Api.Features.Points;

/// <summary>POST /api/points/use</summary>
internal static class UsePoints
{
    /// <summary>The request body.</summary>
    public sealed record Request(long MemberId, string OrderNumber, long Amount);

    [DistributedLock("point:use:member:{MemberId}", WaitSeconds = 5, LeaseSeconds = 10)]
    public sealed record Command(long MemberId, string OrderNumber, long Amount, string Actor, Idempotency? Idempotency) : IPointCommand
    {
        public void Declare(LoadPlan plan)
        {
            plan.NeedPoints(MemberId, Amount);
            plan.NeedOrder(MemberId, OrderNumber);
        }

        public CommandOutcome Apply(IReadOnlyDictionary<long, MemberAccount> accounts, CommandContext context) =>
            CommandOutcome.Of(
                accounts[MemberId].Use(OrderNumber, Amount, context),
                StatusCodes.Status201Created,
                usage => UsageResponse.From(usage, accounts[MemberId]),
                PointJsonContext.Wire.UsageResponse);
    }

    public static async Task<IResult> HandleAsync(HttpContext http, PointWrites writes)
    {
        var body = await RequestBody.ReadAsync(http);
        var memberId = body.MemberId("memberId");
        var orderNumber = body.OrderNumber("orderNumber");
        var amount = body.Amount("amount");
        if (body.Problem is { } problem || !IdempotencyKeys.TryRead(http, out var key, out problem))
        {
            return problem!;
        }

        if (http.User.IsOfAnotherMember(memberId))
        {
            return Problems.ForbiddenMember();
        }

        var idempotency = Idempotency.For(key, "use", memberId, orderNumber, amount);
        var command = new Command(memberId, orderNumber, amount, http.User.Actor(), idempotency);
        return await writes.ExecuteAsync(command, http);
    }
}
