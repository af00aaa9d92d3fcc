using System.Globalization;
using System.Text.Json;
using PointSystem.Api.Features.Audit;
using PointSystem.Api.Http;
using PointSystem.Api.Ledger;
using PointSystem.Api.OpenApi;
using PointSystem.Api.Security;
using PointSystem.Domain.Results;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.Features.Reconciliation;

/// <summary>The route table of reconciliation. All endpoints need the admin role.</summary>
internal static class ReconciliationEndpoints
{
    private const string MemberExample =
        """{"memberId":7,"status":"MATCHED","walletBalance":300,"ledgerBalance":300,"lotsBalance":300,"findings":[]}""";

    private const string RunningExample =
        """
        {"runId":3,"status":"RUNNING","resumed":false,"members":0,"matched":0,"corrected":0,"broken":0,"failed":0,"lastMemberId":0,
         "startedAt":"2026-11-23T03:00:00+00:00","updatedAt":"2026-11-23T03:00:00+00:00","finishedAt":null,"details":[]}
        """;

    private const string CompletedExample =
        """
        {"runId":3,"status":"COMPLETED","resumed":false,"members":1200,"matched":1200,"corrected":0,"broken":0,"failed":0,"lastMemberId":98231,
         "startedAt":"2026-11-23T03:00:00+00:00","updatedAt":"2026-11-23T03:00:04+00:00","finishedAt":"2026-11-23T03:00:04+00:00","details":[]}
        """;

    private const string Base = "/api/admin/points/reconciliation";

    public static IHostApplicationBuilder AddReconciliation(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<ReconciliationOptions>()
            .BindConfiguration(ReconciliationOptions.SectionName).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<ReconciliationMetrics>();
        builder.Services.AddHostedService(services => services.GetRequiredService<ReconciliationMetrics>());
        builder.Services.AddSingleton<MemberReconciler>();
        builder.Services.AddSingleton<IdempotencyStore>();
        builder.Services.AddScoped<FullReconciler>();
        builder.Services.AddSingleton<ReconciliationJob>();
        builder.Services.AddHostedService(services => services.GetRequiredService<ReconciliationJob>());
        return builder;
    }

    public static void MapReconciliation(this IEndpointRouteBuilder app)
    {
        var reconciliation = app.MapAdmin(Base).WithTags("Reconciliation");
        reconciliation.MapPost("/members/{memberId}", ReconcileMemberAsync).WithName("ReconcileMember").CountsAsRead()
            .WithSummary("Reconciles one member: checks it against the ledger and corrects derived figures")
            .Answers<MemberReport>(200, MemberExample)
            .TakesIdempotencyKey().Refuses(400, PointErrorCodes.InvalidRequest).Refuses(423, ProblemCodes.LockNotAcquired);
        reconciliation.MapPost("/all", ReconcileAllAsync).WithName("ReconcileAll")
            .WithSummary("Starts a reconciliation of all members")
            .WithDescription("The run continues in the background; the header Location has the address of its progress. "
                + "Only one run at a time: while one is unfinished, this answers 423.")
            .Answers<RunReport>(202, RunningExample)
            .TakesIdempotencyKey().Refuses(400, PointErrorCodes.InvalidRequest).Refuses(423, ProblemCodes.LockNotAcquired);
        reconciliation.MapGet("/all", GetLatestRunAsync).WithName("GetLatestReconciliationRun")
            .WithSummary("Gets the progress of the latest run over all members")
            .Answers<RunReport>(200, CompletedExample)
            .Refuses(404, ProblemCodes.NotFound);
        reconciliation.MapGet("/all/{runId}", GetRunAsync).WithName("GetReconciliationRun")
            .WithSummary("Gets the progress of a run over all members")
            .Answers<RunReport>(200, CompletedExample)
            .Refuses(404, ProblemCodes.NotFound);
    }

    private static async Task<IResult> ReconcileMemberAsync(string memberId, HttpContext http, MemberReconciler reconciler, IdempotencyStore answers)
    {
        if (!MemberIds.TryRead(memberId, "memberId", out var id, out var problem) || !IdempotencyKeys.TryRead(http, out var key, out problem))
        {
            return problem;
        }

        var idempotency = Idempotency.For(key, "reconcile-member", id);
        return new CommandOutcomeResult(await answers.GetAsync(
            idempotency,
            id,
            PointJsonContext.Wire.MemberReport,
            (member, cancellationToken) => reconciler.ReconcileAsync(member, http.AuditOrigin(), cancellationToken),
            http.RequestAborted));
    }

    private static async Task<IResult> ReconcileAllAsync(HttpContext http, FullReconciler reconciler, ReconciliationJob job, IdempotencyStore answers)
    {
        if (!IdempotencyKeys.TryRead(http, out var key, out var problem))
        {
            return problem;
        }

        var idempotency = Idempotency.For(key, "reconcile-all");
        if (idempotency is not null && await answers.FindAsync(idempotency, IdempotencyStore.EveryMember, http.RequestAborted) is { } earlier)
        {
            return WithLocation(http, earlier);
        }

        var (run, unfinished) = await reconciler.BeginAsync(http.AuditOrigin(), http.RequestAborted);
        if (run is null)
        {
            return Problems.LockNotAcquired(
                $"Run {unfinished} is unfinished; GET {Base}/all/{unfinished} shows its progress. No new run was started.");
        }

        // Stored even if the caller has disconnected: the run has started, and the same key must not start another.
        var started = CommandOutcome.Accepted(StatusCodes.Status202Accepted, run, PointJsonContext.Wire.RunReport);
        await answers.KeepAsync(idempotency, IdempotencyStore.EveryMember, started, CancellationToken.None);
        job.Wake();
        return WithLocation(http, started);
    }

    private static CommandOutcomeResult WithLocation(HttpContext http, CommandOutcome started)
    {
        if (started.Error is null && JsonSerializer.Deserialize(started.Answer.Span, PointJsonContext.Wire.RunReport) is { } run)
        {
            http.Response.Headers.Location = string.Create(CultureInfo.InvariantCulture, $"{Base}/all/{run.RunId}");
        }

        return new CommandOutcomeResult(started);
    }

    private static async Task<IResult> GetLatestRunAsync(HttpContext http, FullReconciler reconciler) =>
        await reconciler.FindLatestAsync(http.RequestAborted) is { } run
            ? TypedResults.Json(run, PointJsonContext.Wire.RunReport)
            : Problems.NotFound("No reconciliation of all members has been run yet.");

    private static async Task<IResult> GetRunAsync(string runId, HttpContext http, FullReconciler reconciler) =>
        long.TryParse(runId, NumberStyles.None, CultureInfo.InvariantCulture, out var id) && await reconciler.FindAsync(id, http.RequestAborted) is { } run
            ? TypedResults.Json(run, PointJsonContext.Wire.RunReport)
            : Problems.NotFound("There is no reconciliation run with this number.");
}
