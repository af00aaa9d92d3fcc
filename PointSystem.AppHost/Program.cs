return await PointSystem.AppHost.Start.RunAsync(args);
