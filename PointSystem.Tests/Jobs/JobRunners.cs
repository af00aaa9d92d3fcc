using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using PointSystem.Api.Jobs;
using PointSystem.Tests.Locking;

namespace PointSystem.Tests.Jobs;

internal static class JobRunners
{
    /// <summary>What runs jobs on that replica. It has no database to fall back on.</summary>
    public static JobRunner Runner(this LockReplica replica) => new(
        replica.JobLocks, new AdvisoryLocks(new ConfigurationBuilder().Build()), Options.Create(new JobOptions()), TimeProvider.System,
        NullLogger<JobRunner>.Instance);
}
