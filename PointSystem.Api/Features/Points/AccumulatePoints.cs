using System.Text;
using PointSystem.Api.Http;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;
using PointSystem.Api.Security;
using PointSystem.Domain.Points;
using PointSystem.Locking;

namespace PointSystem.Api.Features.Points;

/// <summary>POST /api/points/accumulate</summary>
internal static class AccumulatePoints
{
    /// <summary>The request body.</summary>
    public sealed record Request(long MemberId, long Amount, int? ExpirationDays = null, bool? IsManualGrant = null, string? Reason = null);

    [DistributedLock("point:accumulate:member:{MemberId}", WaitSeconds = 5, LeaseSeconds = 10)]
    public sealed record Command(
        long MemberId, long Amount, int? ExpirationDays, bool IsManualGrant, string? Reason, string Actor, Idempotency? Idempotency) : IPointCommand
    {
        /// <summary>Where a manual grant comes from; null if it does not come from a request.</summary>
        public AuditOrigin? Origin { get; init; }

        public void Declare(LoadPlan plan) => plan.NeedWallet(MemberId, Amount);

        public CommandOutcome Apply(IReadOnlyDictionary<long, MemberAccount> accounts, CommandContext context) =>
            CommandOutcome.Of(
                accounts[MemberId].Accumulate(Amount, ExpirationDays, IsManualGrant, Reason, context),
                StatusCodes.Status201Created,
                lot => AccumulationResponse.From(lot, accounts[MemberId]),
                PointJsonContext.Wire.AccumulationResponse);

        public AuditEntry? Audit(CommandOutcome accepted) => !IsManualGrant ? null : new AuditEntry(
            Origin ?? new AuditOrigin(Actor),
            AuditAction.ManualGrant,
            AdminAudit.TargetOfMember(MemberId),
            Before: null,
            After: Encoding.UTF8.GetString(accepted.Answer.Span));
    }

    public static async Task<IResult> HandleAsync(HttpContext http, PointWrites writes)
    {
        var body = await RequestBody.ReadAsync(http);
        var memberId = body.MemberId("memberId");
        var amount = body.Amount("amount");
        var expirationDays = body.OptionalInt("expirationDays");
        var isManualGrant = body.OptionalFlag("isManualGrant");
        var reason = body.OptionalText("reason", Lengths.Reason);
        if (body.Problem is { } problem || !IdempotencyKeys.TryRead(http, out var key, out problem))
        {
            return problem!;
        }

        if (isManualGrant && !http.User.Has(Rights.Admin))
        {
            if (http.User.Identity?.IsAuthenticated != true)
            {
                return Problems.Unauthorized();
            }

            http.LogAdminRefused();
            return Problems.Forbidden(Rights.Admin);
        }

        var idempotency = Idempotency.For(key, "accumulate", memberId, amount, expirationDays, isManualGrant, reason);
        var command = new Command(memberId, amount, expirationDays, isManualGrant, reason, http.User.Actor(), idempotency)
        {
            Origin = isManualGrant ? http.AuditOrigin() : null,
        };
        return await writes.ExecuteAsync(command, http);
    }
}
