using System.Text.Json.Nodes;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using PointSystem.Api.Caching;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Http;
using PointSystem.Api.Ledger;
using PointSystem.Api.OpenApi;
using PointSystem.Api.Security;
using PointSystem.Domain.Points;
using PointSystem.Domain.Results;
using PointSystem.Locking;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.Features.Points;

/// <summary>The route table of points.</summary>
internal static class PointEndpoints
{
    /// <summary>Registers the services of the points endpoints that are not part of the ledger.</summary>
    public static IHostApplicationBuilder AddPoints(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ILockModeSource, ConfiguredLockModes>();
        builder.Services.AddSingleton<PointWrites>();
        builder.Services.AddSingleton<MemberVersions>();
        builder.Services.AddSingleton<LatestReads>();
        if (builder.HasBalanceCache())
        {
            builder.Services.AddSingleton<CachedBalances>();
        }

        builder.Services.AddSingleton<ReadMetrics>();
        builder.Services.AddHostedService(static services => services.GetRequiredService<ReadMetrics>());
        builder.Services.Configure<OpenApiOptions>(OpenApiExtensions.DocumentName, static options => options.AddSchemaTransformer<PointSchemas>());
        return builder;
    }

    public static void MapPoints(this IEndpointRouteBuilder app)
    {
        var points = app.MapGroup("/api/points").WithTags("Points");
        points.MapGroup("").RequireAuthorization(Rights.Write).MapWrites();
        points.MapGroup("").RequireAuthorization(Rights.Read).LimitsMembers().MapReads();
    }

    private static void MapWrites(this RouteGroupBuilder points)
    {
        points.MapPost("/accumulate", AccumulatePoints.HandleAsync).WithName(nameof(AccumulatePoints))
            .WithSummary("Grants points to a member")
            .WithDescription("The points can be used until the end of their expiration date. A manual grant needs the right points:admin.")
            .Takes<AccumulatePoints.Request>("""{"memberId":7,"amount":1000,"expirationDays":365,"reason":"Review written"}""")
            .Answers<AccumulationResponse>(201, PointExamples.Accumulation)
            .RefusesWrite(PointErrorCodes.InvalidAmount, PointErrorCodes.InvalidRequest)
            .Refuses(422, PointErrorCodes.ExceededMaxAccumulation, PointErrorCodes.ExceededMaxBalance, PointErrorCodes.InvalidExpirationDate);
        points.MapPost("/accumulate/{pointKey}/cancel", CancelAccumulation.HandleAsync).WithName(nameof(CancelAccumulation))
            .WithSummary("Cancels an accumulation")
            .WithDescription("Possible only if none of its points are in use and it has not expired.")
            .Takes<CancelAccumulation.Request>("""{"reason":"Order returned"}""", optional: true)
            .Answers<AccumulationResponse>(200, PointExamples.CancelledAccumulation)
            .RefusesWrite(PointErrorCodes.InvalidRequest)
            .Refuses(404, PointErrorCodes.AccumulationNotFound).Refuses(409, PointErrorCodes.AlreadyCancelled, PointErrorCodes.CannotCancelAccumulation);
        points.MapPost("/use", UsePoints.HandleAsync).WithName(nameof(UsePoints)).WithMetadata(new MemberUse())
            .WithSummary("Uses points for an order")
            .WithDescription("Uses the whole amount or nothing. Points are drawn from manual grants first, then by earliest expiration date, "
                + "then from the oldest accumulation.")
            .Takes<UsePoints.Request>("""{"memberId":7,"orderNumber":"A1234","amount":1200}""")
            .Answers<UsageResponse>(201, PointExamples.Usage)
            .RefusesWrite(PointErrorCodes.InvalidAmount, PointErrorCodes.InvalidOrderNumber, PointErrorCodes.InvalidRequest)
            .Refuses(409, PointErrorCodes.DuplicateOrder).Refuses(422, PointErrorCodes.InsufficientPoint);
        points.MapPost("/use/{pointKey}/cancel", CancelUsage.HandleAsync).WithName(nameof(CancelUsage))
            .WithSummary("Cancels a usage, in full or in part")
            .WithDescription("A usage can be cancelled in several parts. "
                + "Points from an accumulation that has expired since are granted again, as a new accumulation.")
            .Takes<CancelUsage.Request>("""{"amount":600,"reason":"Part of the order returned"}""", optional: true)
            .Answers<CancellationResponse>(200, PointExamples.Cancellation)
            .RefusesWrite(PointErrorCodes.InvalidAmount, PointErrorCodes.InvalidRequest)
            .Refuses(404, PointErrorCodes.UsageNotFound).Refuses(409, PointErrorCodes.AlreadyCancelled).Refuses(422, PointErrorCodes.ExceededCancelAmount);
        points.MapPost("/transfer", TransferPoints.HandleAsync).WithName(nameof(TransferPoints))
            .WithSummary("Transfers points from one member to another")
            .WithDescription("Points are drawn in the same order as for a usage. Every part keeps its expiration date.")
            .Takes<TransferPoints.Request>("""{"fromMemberId":7,"toMemberId":8,"amount":500,"reason":"Family account"}""")
            .Answers<TransferResponse>(201, PointExamples.Transfer)
            .RefusesWrite(PointErrorCodes.InvalidAmount, PointErrorCodes.InvalidRequest)
            .Refuses(422, PointErrorCodes.InsufficientPoint, PointErrorCodes.ExceededMaxBalance);
    }

    private static void MapReads(this RouteGroupBuilder points)
    {
        points.MapGet("/balance/{memberId}", GetBalance.HandleAsync).WithName(nameof(GetBalance))
            .TakesVersions(DateDependence.Expirations, tagsItself: true).CountsAsRead()
            .WithSummary("Gets the balance of a member and the accumulations that make it up")
            .TakesQuery("asOf", "The moment of the balance: an instant with offset, or a date, which means the end of that business day. Default: now.")
            .TakesPage()
            .Answers<GetBalance.Response>(200, PointExamples.Balance)
            .Refuses(400, PointErrorCodes.InvalidRequest);
        points.MapGet("/balance/{memberId}/expiring", GetExpiring.HandleAsync).WithName(nameof(GetExpiring)).TakesVersions(DateDependence.Today).CountsAsRead()
            .WithSummary("Gets the points of a member that will expire, by date")
            .TakesQuery(
                GetExpiring.Until,
                $"The last date, at most {GetExpiring.DaysMax} days from today. Default: {GetExpiring.DaysDefault} days from today.",
                DateSchema())
            .Answers<GetExpiring.Response>(200, PointExamples.Expiring)
            .Refuses(400, PointErrorCodes.InvalidRequest);
        points.MapGet("/history/{memberId}", GetHistory.HandleAsync).WithName(nameof(GetHistory)).TakesVersions().CountsAsRead()
            .WithSummary("Lists the history of a member's points, newest first")
            .TakesQuery(
                "orderNumber",
                "Only items of this order.",
                new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1, MaxLength = OrderNumbers.LengthMax })
            .TakesQuery(
                "kind",
                "Only items of this kind.",
                new OpenApiSchema { Type = JsonSchemaType.String, Enum = [.. WireNames.Kinds.Select(kind => (JsonNode)kind)] })
            .TakesPage()
            .Answers<GetHistory.Response>(200, PointExamples.History)
            .Refuses(400, PointErrorCodes.InvalidRequest, PointErrorCodes.InvalidOrderNumber);
        points.MapGet("/history/{memberId}/entries", GetHistory.HandleEntriesAsync).WithName("GetHistoryEntries").TakesVersions().CountsAsRead()
            .WithSummary("Lists the further entries of a history item")
            .TakesPage(InnerLists.SizeMax, firstCursor: "the item's entriesNextCursor")
            .Answers<Page<HistoryEntry>>(200, PointExamples.HistoryEntries)
            .Refuses(400, PointErrorCodes.InvalidRequest);
        points.MapGet("/accumulations/{pointKey}", GetAccumulation.HandleAsync).WithName(nameof(GetAccumulation))
            .TakesVersions(DateDependence.Today).CountsAsRead()
            .WithSummary("Gets an accumulation, and the usages and transfers that drew from it")
            .TakesPage(InnerLists.SizeMax)
            .Answers<GetAccumulation.Response>(200, PointExamples.AccumulationTrace)
            .Refuses(400, PointErrorCodes.InvalidRequest).Refuses(404, PointErrorCodes.AccumulationNotFound);
        points.MapGet("/use/{pointKey}", GetUsage.HandleAsync).WithName(nameof(GetUsage)).TakesVersions().CountsAsRead()
            .WithSummary("Gets a usage, the accumulations it drew from, and its cancellations")
            .TakesPage(InnerLists.SizeMax)
            .Answers<GetUsage.Response>(200, PointExamples.UsageTrace)
            .Refuses(400, PointErrorCodes.InvalidRequest).Refuses(404, PointErrorCodes.UsageNotFound);
        points.MapGet("/use/{pointKey}/details", GetUsage.HandleDetailsAsync).WithName("GetUsageDetails").TakesVersions().CountsAsRead()
            .WithSummary("Lists the accumulations that a usage drew from")
            .TakesPage(InnerLists.SizeMax)
            .Answers<Page<UsageDetailResponse>>(200, PointExamples.UsageDetails)
            .Refuses(400, PointErrorCodes.InvalidRequest).Refuses(404, PointErrorCodes.UsageNotFound);
        points.MapGet("/orders/{orderNumber}", GetOrder.HandleAsync).WithName(nameof(GetOrder)).ReadsLatest().CountsAsRead()
            .WithSummary("Gets the usages of an order, what they drew, and their cancellations")
            .WithDescription("Order numbers belong to the shop, not to a member: the answer has the usages of all members. "
                + $"Each has its first {InnerLists.SizeMax} details and its first {InnerLists.NestedSizeMax} cancellations. "
                + $"A page has at most {OrderQuery.PageMax} usages.")
            .TakesPage()
            .Answers<GetOrder.Response>(200, PointExamples.Order)
            .Refuses(400, PointErrorCodes.InvalidRequest, PointErrorCodes.InvalidOrderNumber);
        points.MapGet("/statements/{memberId}", GetStatement.HandleAsync).WithName(nameof(GetStatement)).TakesVersions(DateDependence.Today)
            .WithSummary("Gets the statement of a member for a month or a range of dates")
            .WithDescription("The ledger balance before the period, all entries in it, oldest first, and the ledger balance after it. "
                + $"With `Accept: {StatementCsv.MediaType}` the answer is CSV with all entries, sent while it is read. "
                + "It is complete if its last line is the closing balance.")
            .TakesQuery(GetStatement.Month, "The month, such as 2026-03; default: the current month. Not together with from and to.", MonthSchema())
            .TakesQuery(GetStatement.From, "The first business date.", DateSchema())
            .TakesQuery(GetStatement.To, "The last business date; default: today.", DateSchema())
            .TakesPage(Paging.SizeMax)
            .Answers<GetStatement.Response>(200, PointExamples.Statement);
        points.MapGet("/cancellations/{pointKey}", GetCancellation.HandleAsync).WithName(nameof(GetCancellation)).TakesVersions().CountsAsRead()
            .WithSummary("Gets a cancellation and a page of its details")
            .TakesPage(InnerLists.SizeMax)
            .Answers<CancellationResponse>(200, PointExamples.CancellationRead)
            .Refuses(400, PointErrorCodes.InvalidRequest).Refuses(404, ProblemCodes.NotFound);
        points.MapGet("/transfers/{pointKey}", GetTransfer.HandleAsync).WithName(nameof(GetTransfer)).TakesVersions().CountsAsRead()
            .WithSummary("Gets a transfer and a page of its details")
            .TakesPage(InnerLists.SizeMax)
            .Answers<TransferResponse>(200, PointExamples.TransferRead)
            .Refuses(400, PointErrorCodes.InvalidRequest).Refuses(404, ProblemCodes.NotFound);
    }

    private static OpenApiSchema DateSchema() => new() { Type = JsonSchemaType.String, Format = "date" };

    private static OpenApiSchema MonthSchema() => new() { Type = JsonSchemaType.String, Pattern = "^[0-9]{4}-[0-9]{2}$" };

    /// <summary>Adds the refusals that every write has.</summary>
    private static RouteHandlerBuilder RefusesWrite(this RouteHandlerBuilder endpoint, params string[] invalid) => endpoint
        .TakesIdempotencyKey()
        .Refuses(400, invalid).Refuses(423, ProblemCodes.LockNotAcquired);
}
