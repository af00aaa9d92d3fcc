using Microsoft.Extensions.Options;
using PointSystem.Locking;

namespace PointSystem.Api.Ledger;

internal static class LedgerExtensions
{
    /// <summary>Registers the write path. The lock attributes of all commands are read and checked at start.</summary>
    public static IHostApplicationBuilder AddLedger(this IHostApplicationBuilder builder)
    {
        builder.AddDistributedLocks();
        builder.Services.AddLockedCommands(typeof(LedgerExtensions).Assembly);
        builder.Services.AddSingleton<IValidateOptions<RateLimitOptions>, RateLimitOptionsValidator>();
        builder.Services.AddOptions<RateLimitOptions>().BindConfiguration(RateLimitOptions.SectionName).ValidateOnStart();
        builder.Services.AddSingleton<StoredRefusals>();
        builder.Services.AddSingleton<PointLedger>();
        builder.Services.AddSingleton<IBatchHandler<IPointCommand, CommandOutcome>>(services => services.GetRequiredService<PointLedger>());
        builder.Services.AddCombiningExecutor<IPointCommand, CommandOutcome, PointLedger>();
        return builder;
    }
}
