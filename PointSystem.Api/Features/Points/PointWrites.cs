using PointSystem.Api.Http;
using PointSystem.Api.Ledger;
using PointSystem.Api.Security;
using PointSystem.Locking;

namespace PointSystem.Api.Features.Points;

/// <summary>Executes the command of a request, within the limits of its member and its caller.</summary>
internal sealed class PointWrites(CombiningExecutor<IPointCommand, CommandOutcome> executor, RateLimits limits)
{
    public async Task<IResult> ExecuteAsync<TCommand>(TCommand command, HttpContext http)
        where TCommand : class, IPointCommand
    {
        if (limits.AreMembersLimited && !OwnRequests.Contain(http) && limits.EnterMember(http, command.MemberId) is { } beyond)
        {
            return beyond;
        }

        return command.Idempotency is { } idempotency && limits.RefuseKeyed(http, idempotency.Key) is { } refused
            ? refused
            : new CommandOutcomeResult(await executor.ExecuteAsync(command, http.RequestAborted));
    }
}
