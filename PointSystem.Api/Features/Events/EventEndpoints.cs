using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.OpenApi;
using Npgsql;
using PointSystem.Api.Features.Events.Sinks;
using PointSystem.Api.Http;
using PointSystem.Api.OpenApi;
using PointSystem.Api.Persistence;
using PointSystem.Api.Security;
using PointSystem.Domain.Results;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.Features.Events;

/// <summary>GET /api/events</summary>
internal static class EventEndpoints
{
    private const string After = "after";
    private const string Limit = "limit";
    private const string LastEventId = "Last-Event-ID";
    private const int LimitDefault = 100;

    private const string Example =
        """
        {"events":[{"specversion":"1.0","id":"7-4","source":"urn:pointsystem:member:7","type":"points.used.v1","subject":"7",
          "time":"2026-11-23T00:08:20.009577+00:00","datacontenttype":"application/json","partitionkey":"7","sequence":"0000000000000000004",
          "data":{"actor":"anonymous","memberId":7,"pointKey":"use_By-MsXGtLNWO8JGPmGdO_OI","orderNumber":"A1234","amount":-1200,"balanceAfter":300,
            "details":[{"accumulationKey":"acc_BzqIHauYrrO0ZBJxirOQjug","amount":-500,"expirationDate":"2026-12-23","isManualGrant":false},
              {"accumulationKey":"acc_B1z8CO5iksMvNGD0T2iJ2pg","amount":-700,"expirationDate":"2027-11-23","isManualGrant":false}],
            "detailsTotal":2}}],
         "next":"AAAAAAAAAwcAAAAAAAAABwAAAAAAAAADq83vASNF"}
        """;

    public static IHostApplicationBuilder AddEvents(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<EventOptions>().BindConfiguration(EventOptions.SectionName).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<EventMonitor>();
        builder.Services.AddHostedService(services => services.GetRequiredService<EventMonitor>());
        builder.Services.AddSingleton<EventStreams>();
        builder.AddEventSinks();
        builder.Services.AddHealthChecks().AddCheck<EventHealthCheck>("events", tags: [Extensions.ReadyTag]);
        return builder;
    }

    /// <summary>Maps the feed, which shows the points of all members and therefore needs a right of its own, and its AsyncAPI document.</summary>
    public static void MapEvents(this IEndpointRouteBuilder app)
    {
        app.MapGet("/api/events", HandleAsync).WithTags("Events").RequireAuthorization(Rights.Events).WithName("ListEvents")
            .WithSummary("Lists what has happened to the points of all members, in order, as CloudEvents")
            .WithDescription(
                "Each event is one operation on the points of one member, one configuration change, or one action of an administrator. "
                + "Events of a member are in order. "
                + "Repeat the request with `next` as `after`; no event is then missed, and an event may come twice only after a consumer has lost its cursor. "
                + $"With `Accept: {EventStreams.ContentType}` the answer is a stream of server-sent events that goes on with each new event; the id of each is "
                + "its cursor. /asyncapi.json has the schema of each type of event.")
            .TakesQuery(After, $"The `next` of an earlier answer, or the id of a server-sent event; omit it to start with the oldest event.")
            .TakesCount(Limit, "Maximum number of events of the answer; a stream has no limit.", LimitDefault, EventSql.PageMax)
            .WithMetadata(new ParameterDoc(
                LastEventId,
                IsHeader: true,
                "The id of the last server-sent event that was received; browsers send it when they connect again. It takes precedence over `after`.",
                new OpenApiSchema { Type = JsonSchemaType.String }))
            .Answers<EventsResponse>(200, Example)
            .Refuses(400, PointErrorCodes.InvalidRequest).Refuses(503, ProblemCodes.EventsUnavailable);
        app.MapGet("/asyncapi.json", AsyncApi).ExcludeFromDescription();
    }

    private static async Task<IResult> HandleAsync(
        HttpContext http, [FromKeyedServices(DatabasePools.ReadPool)] NpgsqlDataSource database, ReadLimit reads, EventStreams streams)
    {
        var isStream = http.Request.GetTypedHeaders().Accept
            .Any(accepted => accepted.MediaType.Equals(EventStreams.ContentType, StringComparison.OrdinalIgnoreCase));
        if (!TryReadCursor(http, isStream, out var field, out var after, out var problem)
            || !QueryTexts.TryReadCount(http, Limit, LimitDefault, EventSql.PageMax, out var limit, out problem))
        {
            return problem;
        }

        IDisposable? stream = null;
        if (isStream && !streams.TryOpen(out stream))
        {
            return Problems.TooManyRequests("This replica has as many event streams as it may. Try again later.");
        }

        using (stream)
        {
            var (page, refused) = await ReadAsync(http, database, reads, field, after, limit);
            if (page is null)
            {
                return refused!;
            }

            if (!isStream)
            {
                return TypedResults.Ok(new EventsResponse([.. page.Events.Select(one => one.Event)], page.Next.ToString()));
            }

            await streams.RunAsync(http, page);
            return Results.Empty;
        }
    }

    private static async Task<(EventPage? Page, IResult? Refused)> ReadAsync(
        HttpContext http, NpgsqlDataSource database, ReadLimit reads, string field, EventCursor after, int limit)
    {
        using var read = await reads.TryEnterAsync(http, http.RequestAborted);
        if (read is null)
        {
            return (null, reads.Refuse(http));
        }

        while (true)
        {
            var page = await EventFeed.ReadAsync(database, after, limit, http.RequestAborted);
            if (page is null)
            {
                return (null, Problems.Invalid(
                    field, $"{field} is ahead of the events of this database: it comes from another one, or from a state that has been replaced by a backup."));
            }

            // A page can consist of the rest of an event alone.
            if (page.Events.Count > 0 || !page.HasMore)
            {
                return (page, null);
            }

            after = page.Next;
        }
    }

    private static bool TryReadCursor(
        HttpContext http, bool isStream, out string field, out EventCursor cursor, [NotNullWhen(false)] out IResult? problem)
    {
        (field, cursor) = (After, EventCursor.Start);
        if (!QueryTexts.TryRead(http, After, out var text, out problem))
        {
            return false;
        }

        if (isStream && http.Request.Headers[LastEventId] is [{ } lastId, ..])
        {
            (field, text) = (LastEventId, lastId);
        }

        problem = text is null || EventCursor.TryParse(text, out cursor)
            ? null
            : Problems.Invalid(field, $"{field} must be the next of an earlier answer of this address, or the id of a server-sent event, unchanged.");
        return problem is null;
    }

    private static FileStreamHttpResult AsyncApi() =>
        TypedResults.Stream(typeof(EventEndpoints).Assembly.GetManifestResourceStream("asyncapi.json")!, "application/json");
}

/// <summary>Some events in order.</summary>
/// <param name="Events">The events; none if there are no new ones.</param>
/// <param name="Next">Where the next answer starts: send it as <c>after</c>.</param>
internal sealed record EventsResponse(IReadOnlyList<CloudEvent> Events, string Next);
