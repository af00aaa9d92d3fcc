using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using Microsoft.OpenApi;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Http;
using PointSystem.Api.OpenApi;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;
using PointSystem.Domain.Results;

namespace PointSystem.Api.Features.Audit;

/// <summary>GET /api/admin/audit</summary>
internal static class AuditEndpoints
{
    private const string Example =
        """
        {"items":[{"id":12,"occurredAt":"2026-11-22T09:30:00.123456+00:00","actor":"9b2f0c1e;client=console;name=Anna Kim","address":"10.1.0.7",
                   "forwardedFor":"203.0.113.9","traceId":"4bf92f3577b34da6a3ce929d0e0e4736","action":"CONFIG_CHANGED",
                   "target":"config:MAX_BALANCE_PER_MEMBER","before":{"configValue":"10000000","description":"Maximum balance of a member"},
                   "after":{"configValue":"20000000","description":"Raised for the anniversary"}}],"nextCursor":null}
        """;

    public static void MapAudit(this IEndpointRouteBuilder app)
    {
        var audit = app.MapAdmin("/api/admin/audit").WithTags("Audit");
        audit.MapGet("", HandleAsync).WithName("ListAudit").ReadsLatest().CountsAsRead()
            .WithSummary("Lists what administrators have done, newest first")
            .WithDescription(
                "Each action has an entry, which was written together with its effect and cannot be changed or deleted: changes of the configuration, manual "
                + "grants, reconciliations, webhooks. The same entries are events (points.admin-acted.v1).")
            .TakesQuery("actor", "Only actions of this actor.", Text(Lengths.Actor))
            .TakesQuery("action", "Only this action.", new OpenApiSchema
            {
                Type = JsonSchemaType.String,
                Enum = [.. AdminAudit.Actions.Select(action => (JsonNode)action)],
            })
            .TakesQuery(
                "target",
                "Only actions on this: `config:` and a configuration key, `member:` and an id, `reconciliation-run:` and a number, or `webhook:` and a name.",
                Text(Lengths.AuditTarget))
            .TakesQuery("from", "Only actions at or after this instant, with offset.")
            .TakesQuery("to", "Only actions before this instant, with offset.")
            .TakesPage()
            .Answers<AuditResponse>(200, Example)
            .Refuses(400, PointErrorCodes.InvalidRequest);
    }

    private static async Task<IResult> HandleAsync(HttpContext http, ReadSource source)
    {
        if (!Paging.TryReadSize(http, out var size, out var problem)
            || !QueryTexts.TryRead(http, Paging.CursorParameter, out var cursor, out problem)
            || !TryReadText(http, "actor", Lengths.Actor, out var actor, out problem)
            || !QueryTexts.TryRead(http, "action", out var action, out problem)
            || !TryReadText(http, "target", Lengths.AuditTarget, out var target, out problem)
            || !TryReadInstant(http, "from", out var from, out problem)
            || !TryReadInstant(http, "to", out var to, out problem))
        {
            return problem;
        }

        if (action is not null && !AdminAudit.Actions.Contains(action, StringComparer.Ordinal))
        {
            return Problems.Invalid("action", $"action must be one of {string.Join(", ", AdminAudit.Actions)}.");
        }

        var filter = new AuditFilter(actor, action, target, from, to);
        (DateTimeOffset At, long Id) last = default;
        if (cursor is not null && !filter.TryReadCursor(cursor, out last))
        {
            return Paging.InvalidCursor();
        }

        return TypedResults.Ok(await AuditQuery.ReadAsync(source.Database, filter, cursor is null ? null : last, size, http.RequestAborted));
    }

    private static OpenApiSchema Text(int lengthMax) => new() { Type = JsonSchemaType.String, MinLength = 1, MaxLength = lengthMax };

    private static bool TryReadText(HttpContext http, string name, int lengthMax, out string? text, [NotNullWhen(false)] out IResult? problem)
    {
        if (QueryTexts.TryRead(http, name, out text, out problem) && text is not null
            && (text.Length == 0 ? "not be empty" : TextRules.FindFault(text, lengthMax, isIdentifier: false)) is { } rule)
        {
            problem = Problems.Invalid(name, $"{name} must {rule}.");
        }

        return problem is null;
    }

    private static bool TryReadInstant(HttpContext http, string name, out DateTimeOffset? instant, [NotNullWhen(false)] out IResult? problem)
    {
        instant = null;
        if (!QueryTexts.TryRead(http, name, out var text, out problem) || text is null)
        {
            return problem is null;
        }

        if (!PastMoment.TryReadInstant(text, out var read))
        {
            problem = Problems.Invalid(name, $"{name} must be an RFC 3339 instant with offset, such as 2026-03-01T09:00:00+09:00 or 2026-03-01T00:00:00Z.");
            return false;
        }

        instant = read;
        return true;
    }
}
