using PointSystem.Local.Runner;

// The whole product as plain processes, for machines without Aspire's packages; Program.cs is the same as an Aspire app.
return await RunnerCommand.RunAsync(args);
