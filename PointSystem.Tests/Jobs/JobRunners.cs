using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Jobs;
using PointSystem.Tests.Locking;

namespace PointSystem.Tests.Jobs;

internal static class JobRunners
{
    /// <summary>The job runner of a replica that uses a database.</summary>
    /// <param name="replica">The replica.</param>
    /// <param name="database">Where its advisory locks are; with the password in its connection string.</param>
    /// <param name="options">Null means the defaults.</param>
    public static JobRunner Runner(this LockReplica replica, NpgsqlDataSource database, JobOptions? options = null) => new(
        replica.JobLocks, AdvisoryLocksOf(database.ConnectionString), Options.Create(options ?? new JobOptions()), TimeProvider.System,
        NullLogger<JobRunner>.Instance);

    /// <summary>The advisory locks of a database.</summary>
    public static AdvisoryLocks AdvisoryLocksOf(string connectionString) =>
        new(new ConfigurationBuilder().AddInMemoryCollection([KeyValuePair.Create("ConnectionStrings:points", (string?)connectionString)]).Build());
}
