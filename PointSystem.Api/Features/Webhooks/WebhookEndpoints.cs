using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Features.Audit;
using PointSystem.Api.Features.Events;
using PointSystem.Api.Http;
using PointSystem.Api.OpenApi;
using PointSystem.Api.Persistence;
using PointSystem.Api.Security;
using PointSystem.Domain.Results;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.Features.Webhooks;

/// <summary>/api/admin/webhooks: who is told what happens to points, and the log of it.</summary>
internal static partial class WebhookEndpoints
{
    private const string Base = "/api/admin/webhooks";
    private const string StatusParameter = "status";
    private const string DisabledByAdministrator = "disabled by an administrator";
    private const int OverlapHoursDefault = 24;
    private const int OverlapHoursMax = 24 * 30;

    private const string Example =
        """
        {"name":"crm","url":"https://crm.example.com/points","description":"Customer portal","types":["points.used.v1"],"enabled":true,
         "disabledReason":null,"createdAt":"2026-11-27T09:30:00.123456+00:00","next":"AAAAAAAAAwcAAAAAAAAABwAAAAAAAAADq83vASNF"}
        """;

    private const string CreatedExample =
        """
        {"name":"crm","url":"https://crm.example.com/points","description":"Customer portal","types":["points.used.v1"],"enabled":true,
         "disabledReason":null,"createdAt":"2026-11-27T09:30:00.123456+00:00","next":"AAAAAAAAAwcAAAAAAAAABwAAAAAAAAADq83vASNF",
         "secret":"whsec_3q2+7w5bWmlJ0Qk1c1v8Zb7lq8m3m3mYb0f1n1yL3kE="}
        """;

    private const string DeliveryExample =
        """
        {"id":"AAAAAAAAAwcAAAAAAAAABwAAAAAAAAADq83vASNF","eventId":"7-4","eventType":"points.used.v1","status":"PENDING","attempts":2,
         "createdAt":"2026-11-27T09:30:00.2+00:00","dueAt":"2026-11-27T09:35:11.7+00:00","attemptedAt":"2026-11-27T09:30:05.9+00:00",
         "lastStatus":503,"lastError":"the receiver answered 503"}
        """;

    public static IHostApplicationBuilder AddWebhooks(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<WebhookOptions>().BindConfiguration(WebhookOptions.SectionName).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<WebhookOptions>, WebhookOptionsValidator>();
        builder.Services.AddSingleton<WebhookTargets>();
        builder.Services.AddSingleton<WebhookSender>();
        builder.Services.AddSingleton<WebhookStore>();
        builder.Services.AddSingleton<WebhookMetrics>();
        builder.Services.AddHostedService(services => services.GetRequiredService<WebhookMetrics>());
        builder.Services.AddHostedService<WebhookJob>();
        return builder;
    }

    public static void MapWebhooks(this IEndpointRouteBuilder app)
    {
        var webhooks = app.MapAdmin(Base).WithTags("Webhooks");
        webhooks.MapGet("", ListAsync).WithName("ListWebhooks")
            .WithSummary("Lists the endpoints that are told about events")
            .Answers<WebhookListResponse>(200, $$"""{"items":[{{Example}}],"nextCursor":null}""");
        webhooks.MapGet("/{name}", GetAsync).WithName("GetWebhook")
            .WithSummary("Gets an endpoint")
            .Answers<WebhookResponse>(200, Example).Refuses(404, ProblemCodes.NotFound);
        webhooks.MapPut("/{name}", PutAsync).WithName("PutWebhook")
            .WithSummary("Creates or changes an endpoint")
            .WithDescription(
                "The name has 1 to 40 lower-case letters, digits and hyphens. A new endpoint starts where the feed ends, or after the cursor `after` of "
                + "/api/events. The answer to its creation has the secret that verifies signatures, and no other answer has it.")
            .Takes<PutWebhookRequest>("""{"url":"https://crm.example.com/points","description":"Customer portal","types":["points.used.v1"]}""")
            .Answers<WebhookResponse>(200, Example).Answers<WebhookResponse>(201, CreatedExample)
            .Refuses(400, PointErrorCodes.InvalidRequest).Refuses(503, ProblemCodes.EventsUnavailable);
        webhooks.MapDelete("/{name}", DeleteAsync).WithName("DeleteWebhook")
            .WithSummary("Deletes an endpoint and the log of its deliveries")
            .Produces(204).Refuses(404, ProblemCodes.NotFound);
        webhooks.MapPost("/{name}/disable", (string name, HttpContext http, WebhookStore store) => SetDisabledAsync(name, http, store, DisabledByAdministrator))
            .WithName("DisableWebhook")
            .WithSummary("Stops the deliveries of an endpoint; its events wait")
            .Answers<WebhookResponse>(200, Example).Refuses(404, ProblemCodes.NotFound);
        webhooks.MapPost("/{name}/enable", (string name, HttpContext http, WebhookStore store) => SetDisabledAsync(name, http, store, null))
            .WithName("EnableWebhook")
            .WithSummary("Resumes the deliveries of an endpoint where they were stopped")
            .Answers<WebhookResponse>(200, Example).Refuses(404, ProblemCodes.NotFound);
        webhooks.MapPost("/{name}/rotate-secret", RotateAsync).WithName("RotateWebhookSecret")
            .WithSummary("Gives an endpoint a new secret")
            .WithDescription(
                $"For `overlapHours` (0 to {OverlapHoursMax}, default {OverlapHoursDefault}) each message has two signatures, by the new and by the old secret. A rotation during that time "
                + "replaces the new secret, and the old one stays.")
            .Takes<RotateWebhookSecretRequest>("""{"overlapHours":24}""", optional: true)
            .Answers<WebhookResponse>(200, CreatedExample)
            .Refuses(400, PointErrorCodes.InvalidRequest).Refuses(404, ProblemCodes.NotFound);
        webhooks.MapPost("/{name}/test", TestAsync).WithName("TestWebhook")
            .WithSummary("Sends a message of the type points.webhook-test.v1 to an endpoint, once, and says what came of it")
            .Answers<WebhookTestResponse>(200, """{"delivered":false,"status":500,"error":"the receiver answered 500"}""")
            .Refuses(404, ProblemCodes.NotFound);
        webhooks.MapGet("/{name}/deliveries", ListDeliveriesAsync).WithName("ListWebhookDeliveries").CountsAsRead()
            .WithSummary("Lists the deliveries of an endpoint, newest events first")
            .WithDescription("`status=DEAD` lists the dead letters: events whose attempts have all failed.")
            .TakesQuery(StatusParameter, "Only deliveries that have come so far.", new Microsoft.OpenApi.OpenApiSchema
            {
                Type = Microsoft.OpenApi.JsonSchemaType.String,
                Enum = [.. Enum.GetValues<DeliveryStatus>().Select(status => (JsonNode)WebhookStore.NameOf(status))],
            })
            .TakesPage()
            .Answers<WebhookDeliveriesResponse>(200, $$"""{"items":[{{DeliveryExample}}],"nextCursor":null}""")
            .Refuses(400, PointErrorCodes.InvalidRequest).Refuses(404, ProblemCodes.NotFound);
        webhooks.MapPost("/{name}/deliveries/{deliveryId}/replay", ReplayAsync).WithName("ReplayWebhookDelivery")
            .WithSummary("Delivers an event again")
            .Answers<WebhookDeliveryResponse>(200, DeliveryExample).Refuses(404, ProblemCodes.NotFound);
        webhooks.MapPost("/{name}/replay-dead-letters", ReplayDeadAsync).WithName("ReplayWebhookDeadLetters")
            .WithSummary("Delivers all dead letters of an endpoint again, those of a member in order")
            .Answers<WebhookReplayResponse>(200, """{"replayed":12}""").Refuses(404, ProblemCodes.NotFound);
    }

    private static async Task<IResult> ListAsync(HttpContext http, WebhookStore store) =>
        TypedResults.Ok(new WebhookListResponse([.. (await store.ListAsync(http.RequestAborted)).Select(one => Response(one))], null));

    private static async Task<IResult> GetAsync(string name, HttpContext http, WebhookStore store) =>
        await FindAsync(name, http, store) is { } endpoint ? TypedResults.Ok(Response(endpoint)) : NotFound();

    private static async Task<IResult> PutAsync(
        string name, HttpContext http, WebhookStore store, WebhookTargets targets, [FromKeyedServices(DatabasePools.ReadPool)] NpgsqlDataSource events,
        TimeProvider time, IOptions<WebhookOptions> options)
    {
        var body = await RequestBody.ReadAsync(http);
        var url = body.Text("url", Lengths.WebhookUrl);
        var description = body.OptionalText("description", Lengths.WebhookDescription);
        var types = body.OptionalTexts("types", EventTypes.All);
        var after = body.OptionalText("after", Lengths.WebhookUrl);
        if (!Name().IsMatch(name))
        {
            body.AddError("name", "name must have 1 to 40 lower-case letters, digits and hyphens, and begin with a letter or a digit.");
        }

        if (url.Length > 0 && targets.FindFault(url) is { } fault)
        {
            body.AddError("url", $"url must {fault}.");
        }

        var start = EventCursor.Start;
        if (after is not null && !EventCursor.TryParse(after, out start))
        {
            body.AddError("after", "after must be the next of an answer of /api/events, or the id of a server-sent event, unchanged.");
        }

        if (body.Problem is { } problem)
        {
            return problem;
        }

        var origin = http.AuditOrigin();
        if (await FindAsync(name, http, store) is { } existing)
        {
            if (after is not null)
            {
                return Problems.Invalid("after", "after is only for a new endpoint: this one goes on where it is.");
            }

            if (existing.Url == url && existing.Description == description && existing.Types.SequenceEqual(types, StringComparer.Ordinal))
            {
                origin.AccountFor();
                return TypedResults.Ok(Response(existing));
            }

            var changed = existing with { Url = url, Description = description, Types = types };
            var entry = Audit(origin, name, Describe(existing), Describe(changed));
            return await store.ChangeAsync(existing.Id, url, description, types, entry, http.RequestAborted) ? TypedResults.Ok(Response(changed)) : NotFound();
        }

        var end = await EventFeed.EndAsync(events, http.RequestAborted);
        if (after is not null && start.Position > end.Position)
        {
            return Problems.Invalid("after", "after is ahead of the events of this database: it comes from another one.");
        }

        start = after is null ? end : start;
        var secret = WebhookStore.NewSecret();
        var created = new WebhookEndpoint(0, name, url, description, types, null, Columns.AsStored(time.GetUtcNow()), start, [secret]);
        return await store.TryCreateAsync(created, Audit(origin, name, null, Describe(created)), http.RequestAborted)
            ? TypedResults.Created($"{Base}/{name}", Response(created, secret))
            : Problems.Invalid("name", $"name must be that of an existing endpoint: there are {options.Value.EndpointsMax} already (Webhooks:EndpointsMax).");
    }

    private static async Task<IResult> DeleteAsync(string name, HttpContext http, WebhookStore store) =>
        await FindAsync(name, http, store) is { } endpoint
            && await store.DeleteAsync(endpoint.Id, Audit(http.AuditOrigin(), name, Describe(endpoint), null), http.RequestAborted)
            ? TypedResults.NoContent()
            : NotFound();

    private static async Task<IResult> SetDisabledAsync(string name, HttpContext http, WebhookStore store, string? reason)
    {
        if (await FindAsync(name, http, store) is not { } endpoint)
        {
            return NotFound();
        }

        var changed = endpoint with { DisabledReason = reason };
        if (endpoint.IsEnabled == changed.IsEnabled
            || !await store.SetDisabledAsync(endpoint.Id, reason, Audit(http.AuditOrigin(), name, Describe(endpoint), Describe(changed)), http.RequestAborted))
        {
            http.AuditOrigin().AccountFor();
            changed = endpoint;
        }

        return TypedResults.Ok(Response(changed));
    }

    private static async Task<IResult> RotateAsync(string name, HttpContext http, WebhookStore store, TimeProvider time)
    {
        var body = await RequestBody.ReadAsync(http, optional: true);
        var hours = body.OptionalInt("overlapHours") ?? OverlapHoursDefault;
        if (hours is < 0 or > OverlapHoursMax)
        {
            body.AddError("overlapHours", $"overlapHours must be from 0 to {OverlapHoursMax}.");
        }

        if (body.Problem is { } problem)
        {
            return problem;
        }

        if (await FindAsync(name, http, store) is not { } endpoint)
        {
            return NotFound();
        }

        var secret = WebhookStore.NewSecret();
        var entry = Audit(http.AuditOrigin(), name, null, new JsonObject { ["overlapHours"] = hours }, AuditAction.WebhookSecretRotated);
        return await store.RotateAsync(endpoint.Id, secret, time.GetUtcNow() + TimeSpan.FromHours(hours), entry, http.RequestAborted)
            ? TypedResults.Ok(Response(endpoint, secret))
            : NotFound();
    }

    private static async Task<IResult> TestAsync(string name, HttpContext http, WebhookStore store, WebhookSender sender, TimeProvider time)
    {
        if (await FindAsync(name, http, store) is not { } endpoint)
        {
            return NotFound();
        }

        var happened = EventFeed.WebhookTest(name, http.AuditOrigin().Actor, time.GetUtcNow());
        var answer = await sender.SendAsync(endpoint.Url, endpoint.Secrets, happened.Id, WebhookSender.Serialize(happened), http.RequestAborted);
        await store.WriteAuditAsync(
            Audit(http.AuditOrigin(), name, null, new JsonObject { ["status"] = answer.Status, ["error"] = answer.Error }, AuditAction.WebhookTested),
            http.RequestAborted);
        return TypedResults.Ok(new WebhookTestResponse(answer.IsDelivered, answer.Status, answer.Error));
    }

    private static async Task<IResult> ListDeliveriesAsync(string name, HttpContext http, WebhookStore store)
    {
        if (!Paging.TryReadSize(http, out var size, out var problem)
            || !QueryTexts.TryRead(http, Paging.CursorParameter, out var cursor, out problem)
            || !TryReadStatus(http, out var status, out problem))
        {
            return problem;
        }

        if (await FindAsync(name, http, store) is not { } endpoint)
        {
            return NotFound();
        }

        var list = FormattableString.Invariant($"webhook-deliveries:{endpoint.Id}:{status}");
        var parts = new long[3];
        if (cursor is not null && !Cursor.TryRead(list, cursor, parts))
        {
            return Paging.InvalidCursor();
        }

        EventCursor? before = cursor is null ? null : new EventCursor(parts[0], parts[1], parts[2]);
        var found = await store.ListDeliveriesAsync(endpoint.Id, status, before, size + 1, http.RequestAborted);
        var items = found.Take(size).ToList();
        var last = items.LastOrDefault()?.Cursor;
        return TypedResults.Ok(new WebhookDeliveriesResponse(
            items.ConvertAll(Response),
            found.Count > size && last is { } end ? Cursor.Write(list, end.Position, end.MemberId, end.Sequence) : null));
    }

    private static async Task<IResult> ReplayAsync(string name, string deliveryId, HttpContext http, WebhookStore store)
    {
        if (await FindAsync(name, http, store) is not { } endpoint
            || !EventCursor.TryParse(deliveryId, out var cursor)
            || await store.FindDeliveryAsync(endpoint.Id, cursor, http.RequestAborted) is not { } delivery)
        {
            return NotFound("There is no such delivery in the log.");
        }

        AuditEntry Entry(int count) => Audit(
            http.AuditOrigin(), name, null, new JsonObject { ["eventId"] = delivery.EventId }, AuditAction.WebhookReplayed);
        if (await store.ReplayAsync(endpoint.Id, cursor, Entry, http.RequestAborted) == 0)
        {
            // It is pending already.
            http.AuditOrigin().AccountFor();
        }

        return await store.FindDeliveryAsync(endpoint.Id, cursor, http.RequestAborted) is { } now ? TypedResults.Ok(Response(now)) : NotFound();
    }

    private static async Task<IResult> ReplayDeadAsync(string name, HttpContext http, WebhookStore store)
    {
        if (await FindAsync(name, http, store) is not { } endpoint)
        {
            return NotFound();
        }

        AuditEntry Entry(int count) => Audit(http.AuditOrigin(), name, null, new JsonObject { ["replayed"] = count }, AuditAction.WebhookReplayed);
        var replayed = await store.ReplayAsync(endpoint.Id, null, Entry, http.RequestAborted);
        if (replayed == 0)
        {
            http.AuditOrigin().AccountFor();
        }

        return TypedResults.Ok(new WebhookReplayResponse(replayed));
    }

    private static bool TryReadStatus(HttpContext http, out DeliveryStatus? status, [NotNullWhen(false)] out IResult? problem)
    {
        status = null;
        if (!QueryTexts.TryRead(http, StatusParameter, out var text, out problem) || text is null)
        {
            return problem is null;
        }

        foreach (var one in Enum.GetValues<DeliveryStatus>())
        {
            if (WebhookStore.NameOf(one) == text)
            {
                status = one;
                return true;
            }
        }

        problem = Problems.Invalid(
            StatusParameter, $"{StatusParameter} must be one of {string.Join(", ", Enum.GetValues<DeliveryStatus>().Select(WebhookStore.NameOf))}.");
        return false;
    }

    /// <summary>The endpoint with a name, which the path may spell in any way.</summary>
    private static async Task<WebhookEndpoint?> FindAsync(string name, HttpContext http, WebhookStore store) =>
        Name().IsMatch(name) ? await store.FindAsync(name, http.RequestAborted) : null;

    private static ProblemResult NotFound(string sentence = "There is no webhook with this name.") => Problems.NotFound(sentence);

    private static AuditEntry Audit(
        AuditOrigin origin, string name, JsonObject? before, JsonObject? after, AuditAction action = AuditAction.WebhookChanged) =>
        new(origin, action, AdminAudit.TargetOfWebhook(name), before?.ToJsonString(), after?.ToJsonString());

    private static JsonObject Describe(WebhookEndpoint endpoint) => new()
    {
        ["url"] = endpoint.Url,
        ["description"] = endpoint.Description,
        ["types"] = new JsonArray([.. endpoint.Types.Select(type => (JsonNode)type)]),
        ["enabled"] = endpoint.IsEnabled,
    };

    private static WebhookResponse Response(WebhookEndpoint endpoint, string? secret = null) => new(
        endpoint.Name, endpoint.Url, endpoint.Description, endpoint.Types, endpoint.IsEnabled, endpoint.DisabledReason, endpoint.CreatedAt,
        endpoint.Next.ToString())
    {
        Secret = secret,
    };

    private static WebhookDeliveryResponse Response(WebhookDelivery delivery) => new(
        delivery.Cursor.ToString(), delivery.EventId, delivery.EventType, WebhookStore.NameOf(delivery.Status), delivery.Attempts, delivery.CreatedAt,
        delivery.DueAt, delivery.AttemptedAt, delivery.LastStatus, delivery.LastError);

    [GeneratedRegex("^[a-z0-9][a-z0-9-]{0,39}$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Name();
}
