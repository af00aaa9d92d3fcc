using System.Globalization;
using System.Net.Mail;
using System.Text.Json.Nodes;
using PointSystem.Api.Features.Audit;
using PointSystem.Api.Http;
using PointSystem.Api.OpenApi;
using PointSystem.Api.Persistence;
using PointSystem.Api.Security;
using PointSystem.Domain.Results;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.Features.Notifications;

/// <summary>
/// /api/notifications: how members are reached, and what was sent to them. /api/admin/notifications: what could not be sent. PointSystem.Notifications sends.
/// </summary>
internal static class NotificationEndpoints
{
    private const string StatusParameter = "status";
    private const string LanguageDefault = "ko";

    private static readonly string[] Languages = ["ko", "en"];
    private static readonly string[] OptOuts = ["EMAIL", "PUSH", "ACTIVITY", "EXPIRY"];

    private const string ContactExample =
        """
        {"memberId":7,"email":"anna@example.com","pushToken":null,"language":"ko","optOuts":["ACTIVITY"],
         "createdAt":"2026-11-28T09:30:00.123456+00:00","updatedAt":"2026-11-28T09:30:00.123456+00:00"}
        """;

    private const string SentExample =
        """
        {"id":12,"eventId":"expiring-3","eventType":"points.expiring.v1","channel":"EMAIL","address":"a***@example.com",
         "subject":"1,500 points expire on 2026-12-05","answer":"2.0.0 Ok: queued as 4F1B2C","sentAt":"2026-11-28T09:30:02.5+00:00"}
        """;

    private const string Example =
        """
        {"id":31,"memberId":7,"channel":"EMAIL","eventId":"7-4","eventType":"points.used.v1","status":"DEAD","attempts":7,
         "createdAt":"2026-11-27T09:30:00.2+00:00","dueAt":null,"attemptedAt":"2026-11-28T17:41:05.9+00:00","endedAt":"2026-11-28T17:41:05.9+00:00",
         "lastError":"the mail server answered 451: try again later"}
        """;

    public static IHostApplicationBuilder AddNotifications(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<NotificationStore>();
        return builder;
    }

    public static void MapNotifications(this IEndpointRouteBuilder app)
    {
        var members = app.MapGroup("/api/notifications").WithTags("Notifications");
        var reads = members.MapGroup("").RequireAuthorization(Rights.Read).LimitsMembers().CountsAsRead();
        reads.MapGet("/contacts/{memberId}", GetContactAsync).WithName("GetContact")
            .WithSummary("Gets how a member is reached")
            .Answers<ContactResponse>(200, ContactExample)
            .Refuses(400, PointErrorCodes.InvalidRequest).Refuses(404, ProblemCodes.NotFound);
        reads.MapGet("/sent/{memberId}", ListSentAsync).WithName("ListSentNotifications")
            .WithSummary("Lists what was sent to a member, newest first: the proof that notice was given")
            .TakesPage()
            .Answers<SentNotificationsResponse>(200, $$"""{"items":[{{SentExample}}],"nextCursor":null}""")
            .Refuses(400, PointErrorCodes.InvalidRequest);
        var writes = members.MapGroup("").RequireAuthorization(Rights.Write).WithMetadata(new MemberOwned());
        writes.MapPut("/contacts/{memberId}", PutContactAsync).WithName("PutContact")
            .WithSummary("Creates or replaces how a member is reached")
            .WithDescription(
                "`optOuts` names what the member does not want: the channels `EMAIL` and `PUSH`, and the kinds `ACTIVITY` (points were granted, used, given back "
                + "or transferred) and `EXPIRY` (points will expire, or have). It holds at once, also for what waits to be sent.")
            .Takes<PutContactRequest>("""{"email":"anna@example.com","language":"ko","optOuts":["ACTIVITY"]}""")
            .Answers<ContactResponse>(200, ContactExample).Answers<ContactResponse>(201, ContactExample)
            .Refuses(400, PointErrorCodes.InvalidRequest);
        writes.MapDelete("/contacts/{memberId}", DeleteContactAsync).WithName("DeleteContact")
            .WithSummary("Deletes how a member is reached; nothing more is sent")
            .Produces(204).Refuses(400, PointErrorCodes.InvalidRequest).Refuses(404, ProblemCodes.NotFound);

        var admin = app.MapAdmin("/api/admin/notifications").WithTags("Notifications");
        admin.MapGet("", ListAsync).WithName("ListNotifications").CountsAsRead()
            .WithSummary("Lists notifications, newest first")
            .WithDescription("`status=DEAD` lists the dead letters: those whose attempts have all failed.")
            .TakesQuery(StatusParameter, "Only notifications that have come so far.", new Microsoft.OpenApi.OpenApiSchema
            {
                Type = Microsoft.OpenApi.JsonSchemaType.String,
                Enum = [.. NotificationStore.Statuses.Select(status => (JsonNode)status)],
            })
            .TakesPage()
            .Answers<NotificationsResponse>(200, $$"""{"items":[{{Example}}],"nextCursor":null}""")
            .Refuses(400, PointErrorCodes.InvalidRequest);
        admin.MapPost("/{notificationId}/replay", ReplayAsync).WithName("ReplayNotification")
            .WithSummary("Sends a notification that was given up, however old it is")
            .WithDescription("What is pending or was sent stays as it is.")
            .Answers<NotificationResponse>(200, Example).Refuses(404, ProblemCodes.NotFound);
        admin.MapPost("/{notificationId}/discard", DiscardAsync).WithName("DiscardNotification")
            .WithSummary("Gives a notification up that is pending or dead")
            .Answers<NotificationResponse>(200, Example).Refuses(404, ProblemCodes.NotFound);
        admin.MapPost("/replay-dead-letters", ReplayDeadAsync).WithName("ReplayDeadNotifications")
            .WithSummary("Sends all dead letters")
            .Answers<NotificationReplayResponse>(200, """{"replayed":12}""");
    }

    private static async Task<IResult> GetContactAsync(string memberId, HttpContext http, NotificationStore store) =>
        !MemberIds.TryRead(memberId, nameof(memberId), out var id, out var problem) ? problem
        : await store.FindContactAsync(id, http.RequestAborted) is { } contact ? TypedResults.Ok(contact)
        : NoContact();

    private static async Task<IResult> PutContactAsync(string memberId, HttpContext http, NotificationStore store)
    {
        if (!MemberIds.TryRead(memberId, nameof(memberId), out var id, out var invalid))
        {
            return invalid;
        }

        var body = await RequestBody.ReadAsync(http);
        var email = body.OptionalText("email", Lengths.Email);
        var pushToken = body.OptionalText("pushToken", Lengths.PushToken);
        var language = body.OptionalText("language", Languages[0].Length) ?? LanguageDefault;
        var optOuts = body.OptionalTexts("optOuts", OptOuts);
        if (email is not null && !IsAddress(email))
        {
            body.AddError("email", "email must be one address, such as name@example.com.");
        }

        if (!Languages.Contains(language, StringComparer.Ordinal))
        {
            body.AddError("language", $"language must be one of {string.Join(", ", Languages)}.");
        }

        if (body.Problem is { } problem)
        {
            return problem;
        }

        var (contact, isNew) = await store.PutContactAsync(id, email, pushToken, language, optOuts, http.RequestAborted);
        return isNew ? TypedResults.Created($"/api/notifications/contacts/{memberId}", contact) : TypedResults.Ok(contact);
    }

    private static async Task<IResult> DeleteContactAsync(string memberId, HttpContext http, NotificationStore store) =>
        !MemberIds.TryRead(memberId, nameof(memberId), out var id, out var problem) ? problem
        : await store.DeleteContactAsync(id, http.RequestAborted) ? TypedResults.NoContent()
        : NoContact();

    private static async Task<IResult> ListSentAsync(string memberId, HttpContext http, NotificationStore store)
    {
        if (!MemberIds.TryRead(memberId, nameof(memberId), out var id, out var problem) || !Paging.TryReadSize(http, out var size, out problem))
        {
            return problem;
        }

        var list = FormattableString.Invariant($"sent-notifications:{id}");
        if (!Paging.TryReadPosition(http, list, long.MaxValue, out var before, out problem))
        {
            return problem;
        }

        var found = await store.ListSentAsync(id, before, size + 1, http.RequestAborted);
        return TypedResults.Ok(new SentNotificationsResponse(
            found.GetRange(0, Math.Min(size, found.Count)), found.Count > size ? Cursor.Write(list, found[size - 1].Id) : null));
    }

    private static async Task<IResult> ListAsync(HttpContext http, NotificationStore store)
    {
        if (!Paging.TryReadSize(http, out var size, out var problem) || !QueryTexts.TryRead(http, StatusParameter, out var status, out problem))
        {
            return problem;
        }

        if (status is not null && !NotificationStore.Statuses.Contains(status, StringComparer.Ordinal))
        {
            return Problems.Invalid(StatusParameter, $"{StatusParameter} must be one of {string.Join(", ", NotificationStore.Statuses)}.");
        }

        var list = $"notifications:{status}";
        if (!Paging.TryReadPosition(http, list, long.MaxValue, out var before, out problem))
        {
            return problem;
        }

        var found = await store.ListAsync(status, before, size + 1, http.RequestAborted);
        return TypedResults.Ok(new NotificationsResponse(
            found.GetRange(0, Math.Min(size, found.Count)), found.Count > size ? Cursor.Write(list, found[size - 1].Id) : null));
    }

    private static Task<IResult> ReplayAsync(string notificationId, HttpContext http, NotificationStore store) => ActAsync(
        notificationId, http, store, AuditAction.NotificationReplayed,
        async (id, audit) => await store.ReplayAsync(id, _ => audit, http.RequestAborted) > 0);

    private static Task<IResult> DiscardAsync(string notificationId, HttpContext http, NotificationStore store) => ActAsync(
        notificationId, http, store, AuditAction.NotificationDiscarded, (id, audit) => store.DiscardAsync(id, audit, http.RequestAborted));

    /// <summary>Acts on one notification, and answers it as it is then. One that the action does not change has no entry in the audit.</summary>
    private static async Task<IResult> ActAsync(
        string notificationId, HttpContext http, NotificationStore store, AuditAction action, Func<long, AuditEntry, Task<bool>> act)
    {
        if (await FindAsync(notificationId, http, store) is not { } found)
        {
            return NoNotification();
        }

        if (!await act(found.Id, Audit(http, action, found)))
        {
            http.AuditOrigin().AccountFor();
        }

        return await store.FindAsync(found.Id, http.RequestAborted) is { } now ? TypedResults.Ok(now) : NoNotification();
    }

    private static async Task<IResult> ReplayDeadAsync(HttpContext http, NotificationStore store)
    {
        var replayed = await store.ReplayAsync(
            null,
            count => new AuditEntry(
                http.AuditOrigin(), AuditAction.NotificationReplayed, AdminAudit.DeadNotifications, null, new JsonObject { ["replayed"] = count }.ToJsonString()),
            http.RequestAborted);
        if (replayed == 0)
        {
            http.AuditOrigin().AccountFor();
        }

        return TypedResults.Ok(new NotificationReplayResponse(replayed));
    }

    private static AuditEntry Audit(HttpContext http, AuditAction action, NotificationResponse notification) => new(
        http.AuditOrigin(), action, AdminAudit.TargetOfNotification(notification.Id), null,
        new JsonObject
        {
            ["memberId"] = notification.MemberId,
            ["channel"] = notification.Channel,
            ["eventId"] = notification.EventId,
            ["status"] = notification.Status,
        }.ToJsonString());

    /// <summary>The notification with a number, which the path may spell in any way.</summary>
    private static async Task<NotificationResponse?> FindAsync(string id, HttpContext http, NotificationStore store) =>
        long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? await store.FindAsync(number, http.RequestAborted) : null;

    private static ProblemResult NoContact() => Problems.NotFound("This member has no contact.");

    private static ProblemResult NoNotification() => Problems.NotFound("There is no notification with this number.");

    // Without a display name or comments, which the parser would take too.
    private static bool IsAddress(string text) => MailAddress.TryCreate(text, out var address) && address.Address == text;
}
