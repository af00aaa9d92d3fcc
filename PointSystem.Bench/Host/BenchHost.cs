using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using PointSystem.Api.Hosting;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;
using PointSystem.Locking;

namespace PointSystem.Bench.Host;

/// <summary>
/// The product's API as a process of the bench: the same application, but its command handler can be switched to take another lock first.
/// So every contender runs through the same endpoint code in the same processes, and none of the other libraries becomes part of the
/// product.
/// </summary>
internal static class BenchHost
{
    /// <summary>Environment variable that makes the process run as this host.</summary>
    public const string Variable = "POINTSYSTEM_BENCH_HOST";

    /// <summary>The path that selects the contender: <c>POST …?guard=NAME&amp;redis=HOST:PORT</c>.</summary>
    public const string Path = "/bench/guard";

    /// <summary>The path that writes a batch and returns its statements: <c>POST …?uses=N</c>.</summary>
    public const string BatchPath = "/bench/batch";

    public static Task<int> RunAsync(string[] args) => PointApplication.RunAsync(args, builder =>
    {
        builder.Services.AddSingleton<EveryLotLedger>();
        builder.Services.AddSingleton<Guards>();
        builder.Services.AddSingleton<GuardedBatchHandler>();
        builder.Services.AddSingleton<HttpFloor>();
        builder.Services.AddSingleton<BatchCapture>();
        builder.Services.AddSingleton<IBatchHandler<IPointCommand, CommandOutcome>>(services => services.GetRequiredService<GuardedBatchHandler>());
        builder.Services.AddSingleton<IStartupFilter, BenchEndpoints>();
    });

    private sealed class BenchEndpoints(
        GuardedBatchHandler handler, Guards guards, HttpFloor floor, BatchCapture capture, IConfiguration configuration) : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Map(Path, branch => branch.Run(async http =>
            {
                var query = http.Request.Query;
                handler.Guard = await guards.GetAsync(query["guard"].ToString(), query["redis"].ToString());
                floor.IsOn = query["guard"] == Guards.HttpFloor;
                http.Response.StatusCode = StatusCodes.Status204NoContent;
            }));
            app.Map(BatchPath, branch => branch.Run(async http => await http.Response.WriteAsJsonAsync(await capture.RunAsync(
                configuration.GetConnectionString(PersistenceExtensions.ConnectionName)!,
                int.Parse(http.Request.Query["uses"].ToString(), CultureInfo.InvariantCulture),
                http.RequestAborted))));
            app.Use((http, product) => floor.Answers(http.Request) ? floor.AnswerAsync(http) : product(http));
            next(app);
        };
    }
}
