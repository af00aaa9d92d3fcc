using Microsoft.AspNetCore.Http;
using PointSystem.Api.Configuration;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Http;
using PointSystem.Domain.Points;

namespace PointSystem.Bench.Host;

/// <summary>
/// What HTTP can do at most: the product's Kestrel, parser, domain and answer, for a member that exists only in the request; no routing,
/// queue, lock or database.
/// </summary>
internal sealed class HttpFloor(RulesProvider rules)
{
    /// <summary>Whether it answers uses, instead of the product.</summary>
    public bool IsOn { get; set; }

    public bool Answers(HttpRequest request) => IsOn && request.Path == "/api/points/use" && HttpMethods.IsPost(request.Method);

    public async Task AnswerAsync(HttpContext http)
    {
        var body = await RequestBody.ReadAsync(http);
        var memberId = body.MemberId("memberId");
        var orderNumber = body.OrderNumber("orderNumber");
        var amount = body.Amount("amount");
        if (body.Problem is { } problem)
        {
            await problem.ExecuteAsync(http);
            return;
        }

        var now = await rules.CurrentAsync(http.RequestAborted);
        var lot = new Lot
        {
            Id = 1,
            MemberId = memberId,
            Key = EveryLotLedger.NewKey(PointKeyType.Accumulation, memberId),
            Amount = amount,
            Available = amount,
            ExpirationDate = now.At.Today,
            IsManualGrant = false,
            CreatedAt = now.At.Now,
            UpdatedAt = now.At.Now,
        };
        var account = new MemberAccount(new WalletState(memberId, amount, 0, 1, now.At.Now), [lot], [], now.At);
        var command = new UsePoints.Command(memberId, orderNumber, amount, "bench", null);
        var outcome = command.Apply(
            new Dictionary<long, MemberAccount> { [memberId] = account }, new CommandContext(now.Policy, now.At, command.Actor, EveryLotLedger.NewKey));
        await new CommandOutcomeResult(outcome).ExecuteAsync(http);
    }
}
